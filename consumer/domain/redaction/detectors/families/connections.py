"""Connection strings, statements and dialogues, and the command lines of clients: databases, HTTP, files, devices."""

from consumer.domain.redaction.detectors.rule import Detector, Family, after, before, near, pattern
from consumer.domain.redaction.detectors.values import Value, anything, notable, strong, unlike_a_name
from consumer.domain.redaction.placeholders import SecretKind

_REST = r"[^\r\n|]{0,300}?"
_USERINFO = pattern(r"(?P<userinfo>[^\s/\"'<>\[][^\s/\"'<>]{0,200}|\[(?!REDACTED:)[^\s/\"'<>]{0,200})(?=@[\w.\[{-])")

_CONNECT = pattern(r"(?P<connect>[^\s\"'@/]{1,100})(?=@|\s|\"|\Z)")


def _userinfo(value: Value) -> bool:
    return not value.is_impossible


def _attached(value: Value) -> bool:
    """Accepts a value directly behind its option, as in ``-psecret``. In ``-p database`` there is none."""
    return not value.is_impossible and value.itself[0] != "-"


def _argument(value: Value) -> bool:
    return value.itself[0] not in "-/" and anything(value)


def _given(value: Value) -> bool:
    """Accepts, in a statement of SQL, a literal or what no sentence would go on with."""
    if not (anything(value) and (value.quoted or notable(value))):
        return False
    return _STATEMENT.search(value.text, max(0, value.start - 160), value.start) is not None


def _opener(value: Value) -> bool:
    """Accepts what no port, path, queue or database is called."""
    return unlike_a_name(value) and not {":", "/", "\\"} & {*value.itself}


def _parameter(value: Value) -> bool:
    return notable(value) and value.has_letter


_SNMP = ("snmpwalk", "snmpget", "snmpset", "snmpbulk", "snmptable", "snmpusm", "v3-user")
_STATEMENT = pattern(r"\b(?:create|alter)[ ]{1,8}(?:user|role|login)\b|\bgrant\b")
_USER = pattern(r"[ ]-{1,2}(?:u|user|username|l|login)[ =]?[^\s-]\S{0,60}[ ](?:[^\r\n;|&]{0,60}[ ])?\Z")
_USER_OF_QUERY = pattern(r"[?&](?:u|us|usr|user|username|login)=[^&\s]{1,60}(?:&[^\s]{0,60})?\Z")
_OPENER = after(r"[ ]-{1,2}pw?[ ]++", _opener)
_PARAMETER = after(r"&(?:p|pw|pass)=", _parameter, pattern(r"(?P<parameter>[^\s&\"'<>]{4,100})"))


RULES: tuple[Detector, ...] = tuple(
    Detector(family=Family.CONNECTIONS, kind=kind, anchors=anchors, look=look)
    for kind, anchors, look in (
        (SecretKind.CONNECTION_STRING, ("://",), after(r"://[^\s/:@\"'<>]{0,100}:", _userinfo, _USERINFO)),
        (SecretKind.CONNECTION_STRING, (":thin:",), after(r":thin:[^\s/@]{1,60}/", _userinfo, _USERINFO)),
        (SecretKind.PASSWORD, ("mysql", "mariadb"), after(rf"(?:mysql|mariadb)[a-z-]{{0,12}}(?:\.exe)?{_REST}[ ]-p(?=\S)", _attached, needs=" -")),
        (SecretKind.PASSWORD, ("sqlcmd", "osql", "bcp", "isql", "sqlplus", "tsql"),
         after(rf"(?:sqlcmd|osql|bcp|isql|tsql)(?:\.exe)?{_REST}[ ](?-i:-P)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("redis-cli",), after(rf"redis-cli{_REST}[ ](?:-a|--pass)[ ]++", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("smbclient", "rpcclient"), after(rf"(?:smb|rpc)client{_REST}[ ]-U[ ]*+[\"']?[^\s%\"']{{1,60}}%", _attached, needs=" -")),
        (SecretKind.PASSWORD, ("docker login", "podman login", "az login", "az acr login", "mongo", "helm registry"),
         after(rf"(?:docker[ ]login|podman[ ]login|az[ ](?:acr[ ])?login|mongo[a-z]{{0,8}}|helm[ ]registry){_REST}[ ](?-i:-p)[ =]++", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami"), after(rf"ldap[a-z]{{3,7}}{_REST}[ ](?-i:-w)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("ipmitool", "mosquitto_", "zip "), after(rf"(?:ipmitool|mosquitto_[ps]ub|zip){_REST}[ ](?-i:-P)[ ]++", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("7z ", "7za ", "rar "), after(rf"(?:7za?|rar)[ ]{_REST}[ ]-h?p(?=[^\s-])", _attached, needs=" -")),
        (SecretKind.PASSWORD, _SNMP, after(rf"(?:snmp[a-z]{{3,8}}|v3-user){_REST}[ ](?-i:-c|-A)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, _SNMP, after(rf"(?:snmp[a-z]{{3,8}}|v3-user){_REST}[ ](?-i:-X)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("htpasswd",), after(r"htpasswd[ ]++-[a-z]{0,5}b[a-z]{0,5}[ ]++\S{1,200}[ ]++\S{1,80}[ ]++", _argument)),
        (SecretKind.PASSWORD, ("chpasswd",),
         before(r"echo[ ]++(?:-n[ ]++)?[\"']?[^\s:\"']{1,64}:(?P<s>[^\s\"'|]{1,100})[\"']?[ ]{0,3}\|[ ]?(?:sudo[ ])?", _userinfo)),
        # Any tool: a user by one option, the password by another.
        (SecretKind.PASSWORD, (" -p ", " -pw ", " --pw "), near(_OPENER, _USER.search, before=160, behind=1)),
        (SecretKind.PASSWORD, ("&p=", "&pw=", "&pass="), near(_PARAMETER, _USER_OF_QUERY.search, before=160)),
        (SecretKind.PASSWORD, ("| runas", "|runas", "--set-password", "--password-stdin", "passwd --stdin", "| kinit", "|kinit", "| su "),
         before(r"echo[ ]++(?:-n[ ]++)?[\"']?(?P<s>[^\s\"'|]{1,100})[\"']?[ ]{0,3}(?:\|[^|\r\n]{0,120})?", strong)),
        (SecretKind.PASSWORD, ("| sudo -s", "|sudo -s"),
         before(r"echo[ ]++(?:-n[ ]++)?[\"']?(?P<s>[^\s\"'|]{1,100})[\"']?[ ]{0,3}", _userinfo)),
        (SecretKind.PASSWORD, ("sqlplus", "expdp", "impdp", "rman target"),
         after(r"(?:sqlplus|expdp|impdp|rman[ ]target)(?:[ ]++-[a-z]{1,8}){0,4}[ ]++\w{1,40}/", _attached, _CONNECT)),
        (SecretKind.PASSWORD, ("]:587", "]:465", "]:25 ", "]:25\t"), after(r"\]:[0-9]{2,5}[ \t]++[^\s:]{1,80}:", _attached)),
        (SecretKind.PASSWORD, ("identified by",), after(r"identified[ ]++by[ ]++(?:values[ ]++)?", _given)),
        (SecretKind.PASSWORD, ("ftp> user ",), after(r"ftp>[ ]user[ ]++\S{1,60}[ ]++", _argument)),
        (SecretKind.PASSWORD, ("{enter}",), before(r"send(?:input|raw|keys)?[ ,(]{1,3}[\"']?(?P<s>[^\s{}\"']{5,40})", strong)),
        (SecretKind.PASSWORD, (":5432:", ":6432:"), after(r":[0-9]{4}:[\w*-]{1,63}:[\w*-]{1,63}:", _attached)),
        (SecretKind.PASSWORD, ("machine ", "default login"), after(r"(?:machine[ ]++\S{1,200}|default)\s++login\s++\S{1,100}\s++password\s++", anything)),
        (SecretKind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*+[^\s:\"']{{1,80}}:", _attached, needs=" -")),
        (SecretKind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*+(?P<q>[\"'])[^\s:\"']{{1,80}}:", _attached,
               pattern(r"(?P<inner>[^\"'\r\n]{1,128})(?=[\"'])"), needs=" -")),
    )
)  # fmt: skip
