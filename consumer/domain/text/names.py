"""Finds names in a text: hosts, addresses, users, paths, commands, codes, versions, numbers, quotations.

One table has a pattern for each kind. `grounding` decides whether the record contains a name. Ordinary words are never
found. Nothing here raises. Each pattern takes time linear in the text, or nearly so.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from consumer.domain.text import words
from consumer.domain.text.quantities import MEASURED, UNIT_OR_NUMBER
from consumer.domain.text.sanitize import ADDRESS

_QUOTES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4", "'") | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_TAG_MARKS = str.maketrans({"\u2039": "<", "\u203a": ">"})
_FRACTIONS = {"\u00bc": ".25", "\u00bd": ".5", "\u00be": ".75"}
_FRACTION = re.compile(r"(?<![^\W\d_])(\d*)([\u00bc-\u00be])")
"""Without this "2\u00bd" would be 21 and a 2."""
_BLANKS = re.compile(r"\s+")
_HIVES = re.compile(r"\bhkey_(?:(local_machine)|(current_user)|(classes_root)|(users)|(current_config))\b")
_HIVE_NAMES = ("hklm", "hkcu", "hkcr", "hku", "hkcc")
TRAILING = ".,;:!?)]}'\"\u2026"
"""Punctuation after a name that is not part of it."""

_VERBS = (
    "Add|Approve|Assert|Backup|Block|Build|Checkpoint|Clear|Close|Compare|Complete|Compress|Confirm|Connect|Convert"
    "|ConvertFrom|ConvertTo|Copy|Debug|Deny|Deploy|Disable|Disconnect|Dismount|Edit|Enable|Enter|Exit|Expand|Export"
    "|Find|ForEach|Format|Get|Grant|Group|Hide|Import|Initialize|Install|Invoke|Join|Limit|Lock|Measure|Merge|Mount"
    "|Move|New|Open|Optimize|Out|Ping|Pop|Protect|Publish|Push|Read|Receive|Redo|Register|Remove|Rename|Repair|Request"
    "|Reset|Resize|Resolve|Restart|Restore|Resume|Revoke|Save|Search|Select|Send|Set|Show|Skip|Sort|Split|Start|Step"
    "|Stop|Submit|Suspend|Switch|Sync|Tee|Test|Trace|Unblock|Undo|Uninstall|Unlock|Unprotect|Unpublish|Unregister"
    "|Update|Use|Wait|Watch|Where|Write"
)
_NOUNS = (
    "ad|acl|az|casmailbox|certificate|childitem|cim|computer|connection|content|counter|csonline|dhcp|disk|distribution|dns"
    "|event|exo|gpo|gpresult|hotfix|item|mailbox|mailuser|message|mg|mobile|msol|nav|net|organi[sz]ation|partition|pnp"
    "|print|process|ps|receive|remote|scheduled|service|smb|spo|team|transport|unified|vm|volume|win|wmi"
)
"""How the nouns of cmdlets begin. In a cmdlet in lower case, the verb alone would match ordinary words."""
_COMMANDS = (
    "apt-get|arp|auditpol|bcdedit|bitsadmin|bootrec|certutil|chkdsk|chronyc|cleanmgr|cmdkey|crontab|cscript"
    "|csvde|curl|dcdiag|dfsrdiag|diskpart|dism|dmesg|dnscmd|dnf|docker|driverquery|dsmod|dsquery|dsregcmd|esxcli"
    "|esxtop|ethtool|eventvwr|fdisk|fsutil|getent|getmac|gpedit|gpresult|gpupdate|hostnamectl|icacls|ifconfig|iisreset"
    "|ipconfig|iptables|iwconfig|journalctl|kinit|klist|kubectl|ldifde|ldp|lsblk|lsof|lusrmgr|mofcomp|mrt|msconfig"
    "|msiexec|mtr|nbtstat|netcat|netdom|netsh|netstat|nltest|nmap|nmcli|nslookup|ntdsutil|ntpq|openssl|osql|pathping"
    "|perfmon|ping|pkill|pktmon|powercfg|powershell|procexp|procmon|psexec|psping|psql|pwsh|quser|qwinsta|rdesktop"
    "|regedit|regsvr32|repadmin|resmon|robocopy|rsync|rundll32|rwinsta|scanpst|schtasks|sconfig|secpol|setspn|setx"
    "|sfc|sftp|sigverif|slmgr|smartctl|sqlcmd|sqlplus|ssh|sudo|sysprep|systemctl|systeminfo|takeown|taskkill|taskmgr"
    "|tasklist|tcpdump|telnet|timedatectl|tnc|traceroute|tracert|umount|vmkping|vssadmin|w32tm|wbadmin|wecutil"
    "|wevtutil|wget|winrm|winver|wireshark|wmic|wscript|wsreset|wuauclt|xcopy|chmod|chown|mstsc"
)
_TWO_WORDS = (
    r"cipher\s+/\w|dig\s+[\w@+.-]+|"
    r"net\s+(?:use|user|stop|start|view|share|session|localgroup|accounts|statistics|time)"
    r"|sc\s+(?:query|queryex|config|qc|stop|start|create|delete|failure)|reg\s+(?:add|delete|query|import|export|load)"
    r"|route\s+(?:print|add|delete)|ip\s+(?:addr|a|route|link|neigh|helper-address)|query\s+(?:user|session)"
    r"|show\s+(?:run|running-config|ip|int|interfaces?\s+status|version|vlan|mac|arp|logging|crypto|cdp|lldp|spanning-tree)"
    r"|(?:git|az|aws|gcloud|esxi|apt|yum|brew)\s+(?:install|upgrade|pull|clone|login|restart|stop|start|show|list)"
)
"""Commands whose first word is an ordinary word."""
_PRODUCTS = (
    r"windows(?:\s+server)?|office|exchange|outlook|sql\s+server|server|ios|android|ubuntu|debian|chrome|firefox|edge|java"
    r"|python|vsphere|esxi|php|mysql|acrobat|teams|version|release|build|firmware"
)
_CODED = r"error|event|code|port|vlan|ticket|incident|kb|rfc|channel|slot|bay|build"
_MONTHS = (
    r"Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?"
)
_DAYS = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SHORT_DAYS = r"Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun"
_START = r"(?:(?<!\w)|(?=[%$\\]))(?=[^\s\0,;.!?()\]}])"
"""Where a name may begin. Every kind says so itself; without this each place costs thirty tries."""
NAMED = re.compile(
    rf"""{_START}(?:
      (?P<placeholder>\[REDACTED:[^\]\s]*\])
    | (?P<url>{ADDRESS.pattern})
    | (?P<email>(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    | (?P<registry>\bHK(?:LM|CU|CR|U|CC|EY_[A-Z_]+)\b[:\\][^\s,;]*)
    | (?P<unc>\\\\[^\s,;"'()]+)
    | (?P<path>\b[A-Z]:[\\/][^\s,;"'()]*)
    | (?P<unix>(?<![\w./<~])~?/(?:[\w.@+-]+/)*[\w.@+-]*[\w@+-])
    | (?P<option>(?<=\s)--?[A-Za-z][\w-]*)
    | (?P<variable>%[A-Za-z_]\w*%|\$(?:env:)?[A-Za-z_]\w*)
    | (?P<account>(?<![\w.-])[A-Za-z][\w.-]*\\[\w.$-]+)
    | (?P<service_account>(?<![\w-])(?:svc|srv|adm|usr|gmsa|sa|da)-[a-z][\w-]*)
    | (?P<ipv6>\b(?:[0-9a-f]{{1,4}}:){{1,7}}(?::(?:[0-9a-f]{{1,4}}:?)*|(?<=:[0-9a-f]{{4}}:)[0-9a-f]{{1,4}}\b))
    | (?P<product>\b(?:{_PRODUCTS})\s+(?!\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b)v?\d+(?:\.\d\w*)*(?:\s?(?:H[12]|R2))?\b)
    | (?P<coded>\b(?:{_CODED})s?\s+(?:(?:ids?|codes?|numbers?|no\.?)\s+)?
                \#?\d+(?:\s?(?:,|and|or|/|-)\s?\d+)*\b(?![.:]?\w|,\d{{3}}))
    | (?P<date>(?-i:\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})\b
                   |\b(?:{_MONTHS})\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!:\d)))
    | (?P<numbered>(?-i:(?<=[a-z\0,;(]\s)(?!(?:{_DAYS}|{_SHORT_DAYS}|{_MONTHS})\b)[A-Z][A-Za-z]+\s+v?\d{{1,2}}\b
                       (?![.:/%-]?\w|,\d{{3}}|\s(?:out\s)?of\s\d)))
    | (?P<cmdlet>(?-i:\b(?:{_VERBS})-[A-Z][A-Za-z]{{2,}}\b)|\b(?:{_VERBS})-(?:{_NOUNS})[a-z]*\b(?!-))
    | (?P<setting>(?<![\w.-])[\w.-]+\s?=\s?[^\s,;]+)
    | (?P<identifier>\b[^\W\d_][^\W_]*_\w+)
    | (?P<dotted>(?<![\w.-])(?:[a-z0-9](?:[\w-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\b)
    | (?P<device>(?-i:(?<![\w-])[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\b))
    | (?P<mixed>(?<![\w-])[a-z][a-z_-]*\d[\w-]*(?:\.\d[\w-]*)*)
    | (?P<camel>(?-i:\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\w*))
    | (?P<capitals>(?-i:\b[A-Z]{{5,}}\b))
    | (?P<command>\b(?:{_COMMANDS})(?:\.exe|\.msc)?\b(?!-)|\b(?:{_TWO_WORDS})\b)
    | (?P<number>{MEASURED})
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""Every kind of name. Where two kinds match at one place, the first in this table is found."""
_QUOTED = re.compile(r"\"([^\"]{2,}?)\"|(?<!\w)'([^']{2,}?)'(?!\w)")
_PERSON = re.compile(
    r"\b(?:[Aa]sk|[Cc]all|[Cc]ontact|[Tt]ell|[Ii]nform|[Nn]otify|[Pp]hone|[Rr]each|[Ee]mail|[Uu]pdate|with|by|for|user|users"
    r"|customer|colleague|engineer|manager|technician|Mr\.?|Mrs\.?|Ms\.?|Dr\.?) "
    rf"((?!(?:{_DAYS}|{_MONTHS}|[A-Z][a-z]+ing)\b)[A-Z][a-z]+(?:[ -][A-Z][a-z]+)*)\b(?!-| \d)"
)
"""A person that somebody is to turn to, or who did something. A day or a month is no person."""
GENERIC = words.listed(
    """wi-fi wifi voip poe powershell e-mail a-z ipv4 ipv6 m365 o365 2fa mfa i.e e.g a.m p.m n/a 24/7 and/or https dos
    javascript tier-1 tier-2 tier-3 level-1 level-2 level-3 l1 l2 l3 co-op
    radius ldaps dmarc ipsec vlans uefi-bios imaps smtps posix ascii iscsi oauth2 sha-1 sha-256 x64 x86 in-use"""
)
"""Words of the trade that are written like names but claim nothing."""


_ORDINARY = re.compile(r"(?<!\S)(?<!=\s)[a-z]{2,}(?=[,;!?]?\s(?!=)|[.,;!?]?$)")
"""A word in lower case that stands alone. Looking for a name at each costs more than all else in a review."""
_SKIPPED_RUN = re.compile(r"\0(?:[ ,]+\0)+")
_IN_NAMES = frozenset(
    re.findall(r"[a-z]+", f"{_COMMANDS} {_TWO_WORDS} {_PRODUCTS} {_CODED} ids codes numbers no or and of out")
)
"""Such words that a name may hold."""


class Name(NamedTuple):
    """A name that stands in a text."""

    kind: str
    """The group of `NAMED`, `quoted` or `person`."""
    text: str
    """As it is written, without the punctuation after it."""


def plain(text: str) -> str:
    """The text with one kind of quotation marks and dashes, and no look-alike letters or digits of other widths."""
    if text.isascii():  # most texts are, and the tables below know one such character
        return text.replace("`", "'")
    text = _FRACTION.sub(lambda fraction: f"{fraction[1] or 0}{_FRACTIONS[fraction[2]]}", text)
    return unicodedata.normalize("NFKC", text.translate(_QUOTES).translate(_DASHES).translate(_TAG_MARKS))


def normal(text: str) -> str:
    """The normal form of a text, in which two spellings of one name are equal."""
    folded = _BLANKS.sub(" ", plain(text).casefold())
    return _HIVES.sub(lambda match: _HIVE_NAMES[(match.lastindex or 1) - 1], folded) if "hkey_" in folded else folded


@lru_cache(maxsize=8192)  # a language has few words
def _is_in_names(word: str) -> bool:
    return word in _IN_NAMES or word.removesuffix("s") in _IN_NAMES or UNIT_OR_NUMBER.fullmatch(word) is not None


def _skipped(word: re.Match[str]) -> str:
    return word[0] if _is_in_names(word[0]) else "\0"


def within(text: str) -> Iterator[Name]:
    """Yields every name in a text: quotations first, then persons, then the other names in their order."""
    plain_text = plain(text)
    for quoted in _QUOTED.finditer(plain_text):
        yield Name("quoted", quoted[0])
    for person in _PERSON.finditer(plain_text):
        yield Name("person", person[1])
    for match in NAMED.finditer(_SKIPPED_RUN.sub("\0", _ORDINARY.sub(_skipped, plain_text))):
        kind = match.lastgroup or ""
        name = match[0].strip()
        yield Name(kind, name if kind == "placeholder" else name.rstrip(TRAILING))
