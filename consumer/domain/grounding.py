"""Whether what a text names is in the record: hosts, addresses, users, paths, commands, codes, versions, numbers.

Harmless differences are allowed: case, quotation marks, thousands separators, punctuation after a name. Ordinary words
are never looked up, nor are small counts and ordinals ("step 2"), nor durations in a recommendation ("for 24 hours").
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from consumer.domain import words
from consumer.domain.bundle import Bundle
from consumer.domain.sanitize import ADDRESS

_QUOTES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4", "'") | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_TAG_MARKS = str.maketrans({"\u2039": "<", "\u203a": ">"})
_BLANKS = re.compile(r"\s+")
_THOUSANDS = re.compile(r"(?<=\d)[,'](?=\d{3}(?!\d))")
_INTEGERS = re.compile(r"\d+")
_LONG_INTEGERS = re.compile(r"\d{4,}")
_TOKENS = re.compile(r"\w(?:[\w.:/%-]*[\w%])?")
_COUNTED = re.compile(r"\d+(?:[:/-]\d+)*-?[a-z%]{0,12}|\d{4}-\d\d-\d\dt[\d:.+-]+z?")
_GOES_ON_BEFORE = re.compile(r"[^\W_][^\W_]$|\d\.\d$")
_GOES_ON_AFTER = re.compile(r"^[^\W_][^\W_]|^\d\.\d")
_TRAILING = ".,;:!?)]}'\"\u2026"
SMALL = 10
"""Whole numbers up to this are counts of the writer: two users, step 3."""

_VERBS = (
    "Add|Approve|Assert|Backup|Block|Checkpoint|Clear|Close|Compare|Compress|Confirm|Connect|Convert|ConvertFrom|ConvertTo"
    "|Copy|Debug|Deny|Deploy|Disable|Disconnect|Dismount|Edit|Enable|Enter|Exit|Expand|Export|Find|ForEach|Format|Get|Grant"
    "|Group|Hide|Import|Initialize|Install|Invoke|Join|Limit|Lock|Measure|Merge|Mount|Move|New|Open|Optimize|Out|Ping|Pop"
    "|Protect|Publish|Push|Read|Receive|Redo|Register|Remove|Rename|Repair|Request|Reset|Resize|Resolve|Restart|Restore"
    "|Resume|Revoke|Save|Search|Select|Send|Set|Show|Skip|Sort|Split|Start|Step|Stop|Submit|Suspend|Switch|Sync|Test|Trace"
    "|Unblock|Undo|Uninstall|Unlock|Unprotect|Unpublish|Unregister|Update|Use|Wait|Watch|Where|Write"
)
_COMMANDS = (
    "arp|auditpol|bcdedit|bootrec|certutil|chkdsk|cipher|cmdkey|curl|dcdiag|dfsrdiag|dig|diskpart|dism|dsregcmd|esxcli"
    "|eventvwr|fsutil|getmac|gpresult|gpupdate|icacls|ifconfig|iisreset|ipconfig|iptables|journalctl|kinit|klist|ldp|lsof"
    "|mofcomp|mrt|msiexec|mtr|nbtstat|netdom|netsh|netstat|nltest|nslookup|ntdsutil|openssl|pathping|ping|pktmon"
    "|powercfg|powershell|psexec|psping|pwsh|regedit|regsvr32|repadmin|robocopy|rsync|rundll32|schtasks|sconfig|setspn|sfc"
    "|slmgr|ssh|sudo|systemctl|systeminfo|takeown|taskkill|tasklist|tcpdump|tnc|traceroute|tracert|vssadmin|w32tm"
    "|wbadmin|wevtutil|wget|winrm|wireshark|wmic|wsreset|wuauclt|netcat|nmap|perfmon|procmon|chmod|chown|mstsc"
)
_UNITS = (
    r"%|percent|ms|msec|milliseconds?|s|secs?|seconds?|minutes?|mins?|h|hrs?|hours?|days?|weeks?|months?|years?|bytes?|[kmgt]i?b"
    r"|[kmg]bps|[kmg]bit/s|[kmg]?hz|dbm?|volts?|watts?|pages?|°c"
)
_DURATION = re.compile(r"(?:s|secs?|seconds?|minutes?|mins?|h|hrs?|hours?|days?|weeks?)$", re.IGNORECASE)
_PRODUCTS = (
    r"windows(?:\s+server)?|office|exchange|outlook|sql\s+server|server|ios|android|ubuntu|debian|chrome|firefox|edge|java"
    r"|python|vsphere|esxi|php|mysql|acrobat|teams|version|release|build|firmware"
)
_NAMED = re.compile(
    rf"""
      (?P<placeholder>\[REDACTED:[^\]\s]*\])
    | (?P<url>{ADDRESS.pattern})
    | (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    | (?P<registry>\bHK(?:LM|CU|CR|U|CC|EY_[A-Z_]+)\b[:\\][^\s,;]*)
    | (?P<unc>\\\\[^\s,;"'()]+)
    | (?P<path>\b[A-Z]:[\\/][^\s,;"'()]*)
    | (?P<unix>(?<![\w./<~])~?/(?:[\w.@+-]+/)*[\w.@+-]*[\w@+-])
    | (?P<option>(?<=\s)--?[A-Za-z][\w-]*)
    | (?P<account>\b[A-Za-z][\w.-]*\\[\w.$-]+)
    | (?P<ipv6>\b(?:[0-9a-f]{{1,4}}:){{1,7}}(?::(?:[0-9a-f]{{1,4}}:?)*|(?<=:[0-9a-f]{{4}}:)[0-9a-f]{{1,4}}\b))
    | (?P<product>\b(?:{_PRODUCTS})\s+v?\d+(?:\.\d+)*(?:\s?(?:H[12]|R2))?\b)
    | (?P<cmdlet>(?-i:\b(?:{_VERBS})-[A-Z][A-Za-z]{{2,}}\b))
    | (?P<setting>\b[\w.-]+\s?=\s?[^\s,;]+)
    | (?P<constant>(?-i:\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b))
    | (?P<dotted>\b(?:[a-z0-9](?:[\w-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\b)
    | (?P<device>(?-i:\b[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\b))
    | (?P<mixed>\b[a-z][a-z_-]*\d[\w-]*)
    | (?P<camel>(?-i:\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\w*))
    | (?P<command>\b(?:{_COMMANDS})(?:\.exe)?\b(?!-))
    | (?P<number>(?<![\w.])\#?(?:\d{{1,3}}(?:[,'\u00a0\u202f]\d{{3}})+(?!\d)|\d+(?:[.:/-]\d+)*)
                 (?:\s?(?:{_UNITS})(?!\w)|\w*))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED = re.compile(r"\"([^\"]{2,}?)\"|(?<!\w)'([^']{2,}?)'(?!\w)")
_GENERIC = words.listed(
    """wi-fi wifi voip poe powershell e-mail a-z ipv4 ipv6 m365 o365 2fa mfa i.e e.g a.m p.m n/a 24/7 and/or https dos
    javascript tier-1 tier-2 tier-3 level-1 level-2 level-3 l1 l2 l3 co-op"""
)
"""Written like names, yet words of the trade that claim nothing."""
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_MEASURED = re.compile(rf"#?\d+(?:[.:/-]\d+)*(?:\s?(?:{_UNITS})|st|nd|rd|th|[ap]m|x)?", re.IGNORECASE)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)$", re.IGNORECASE)


def normal(text: str) -> str:
    """The form in which two spellings of one name are equal."""
    folded = unicodedata.normalize("NFKC", text.translate(_QUOTES).translate(_DASHES).translate(_TAG_MARKS)).casefold()
    return _BLANKS.sub(" ", folded)


@dataclass(frozen=True)
class Lexicon:
    """Everything that may be named."""

    text: str
    """In normal form."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Lexicon":
        whole = " \n ".join(normal(text) for text in texts)
        joined = _THOUSANDS.sub("", whole)  # "ports 80,443" are two numbers, "4,128 bytes" are one: both readings count
        return cls(whole if joined == whole else f"{whole} \n {joined}")

    @cached_property
    def integers(self) -> frozenset[str]:
        """The whole numbers, without leading zeros: those of dates and times too, not those inside a name."""
        found: set[str] = set()
        for token in _TOKENS.findall(self.text):
            if _COUNTED.fullmatch(token):
                found.update(_INTEGERS.findall(token))
            else:
                found.update(_LONG_INTEGERS.findall(token))
        return frozenset(number.lstrip("0") or "0" for number in found)

    def holds(self, name: str) -> bool:
        """Whether the name stands in the record, with nothing that would make it another name right beside it."""
        at = self.text.find(name)
        while at >= 0:
            before, after = self.text[max(at - 2, 0) : at], self.text[at + len(name) : at + len(name) + 2]
            if not (_GOES_ON_BEFORE.search(before + name[0]) or _GOES_ON_AFTER.search(name[-1] + after)):
                return True
            at = self.text.find(name, at + 1)
        return False

    def foreign(self, text: str, *, recommends: bool = False) -> Iterator[str]:
        """What the text names and the record does not hold. `recommends` allows durations that nobody recorded."""
        plain = text.translate(_QUOTES).translate(_DASHES).translate(_TAG_MARKS)
        for quoted in _QUOTED.finditer(plain):
            name = normal(quoted[1] or quoted[2]).strip(" " + _TRAILING)
            if name and name not in self.text:
                yield quoted[0]
        for found in _NAMED.finditer(plain):
            kind = found.lastgroup or ""
            name = found[0].strip() if kind == "placeholder" else found[0].strip().rstrip(_TRAILING)
            if not self._grounded(kind, name, recommends=recommends):
                yield name

    def _grounded(self, kind: str, name: str, *, recommends: bool) -> bool:
        wanted = normal(name)
        if wanted in _GENERIC or not wanted or self.holds(wanted) or self.holds(_THOUSANDS.sub("", wanted)):
            return True
        if kind == "setting":
            tight = wanted.replace(" ", "")
            return tight in self.text.replace(" ", "")
        if kind == "number":
            return self._number(_THOUSANDS.sub("", wanted), recommends=recommends)
        return kind in {"url", "email"} and wanted.removeprefix("mailto:") in self.text

    def _number(self, name: str, *, recommends: bool) -> bool:
        if recommends and _DURATION.search(name) and name[0].isdigit():
            return True
        parts = [part.lstrip("0") or "0" for part in _INTEGERS.findall(name)]
        bare = name.isdigit() or _ORDINAL.match(name) is not None
        if bare and len(parts) == 1 and int(parts[0]) <= SMALL:
            return True
        if name.endswith(("%", "percent")):
            return any(self.holds(parts[0] + unit) for unit in ("%", " %", " percent"))
        if _MEASURED.fullmatch(name) is None:  # letters among digits: a name, and it is not held
            return False
        dotted = _DOTTED.search(name)  # a version, a fraction or an address is one name, its parts say nothing
        if dotted is not None:
            rest = _INTEGERS.findall(name.replace(dotted[0], ""))
            return self.holds(dotted[0]) and all(part in self.integers for part in rest)
        return all(part in self.integers for part in parts)


def of_bundle(bundle: Bundle) -> Lexicon:
    """What the record of a session names, in full: also what the prompt had no room for."""
    return Lexicon.of(_texts(bundle))


def _texts(bundle: Bundle) -> Iterator[str]:
    described = (bundle.title, bundle.problem_summary, bundle.problem_domain, bundle.intake_text, bundle.reason)
    yield from (text for text in described if text)
    if ticket := bundle.psa_ticket:
        yield from (ticket.system, f"#{ticket.ticket_id}", ticket.connection_id or "", ticket.record_type or "")
    yield from chain.from_iterable(fact.texts() for fact in bundle.facts)
    yield from chain.from_iterable(script.texts() for script in bundle.scripts)
    yield from chain.from_iterable(fix.texts() for fix in bundle.fixes)
    for script in bundle.scripts:
        yield from (f"{each.name}={each.text}" for each in script.parameters)
    for fix in bundle.fixes:
        yield f"{fix.confidence_pct}%"
        yield from (at.isoformat() for at in (fix.applied_at, fix.verified_at) if at)
