"""Connection strings and the command lines of database, HTTP and file clients."""

from consumer.domain.redaction.detectors.rule import Detector, Family, after, before, pattern
from consumer.domain.redaction.detectors.values import Value, anything
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
        (SecretKind.PASSWORD, ("snmpwalk", "snmpget", "snmpset"), after(rf"snmp[a-z]{{3,8}}{_REST}[ ](?-i:-c|-A)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("snmpwalk", "snmpget", "snmpset"), after(rf"snmp[a-z]{{3,8}}{_REST}[ ](?-i:-X)[ ]*+", _argument, needs=" -")),
        (SecretKind.PASSWORD, ("htpasswd",), after(r"htpasswd[ ]++-[a-z]{0,5}b[a-z]{0,5}[ ]++\S{1,200}[ ]++\S{1,80}[ ]++", _argument)),
        (SecretKind.PASSWORD, ("| chpasswd", "|chpasswd"),
         before(r"echo[ ]++(?:-n[ ]++)?[\"']?[^\s:\"']{1,64}:(?P<s>[^\s\"'|]{1,100})[\"']?[ ]{0,3}", _userinfo)),
        (SecretKind.PASSWORD, ("| sudo -s", "|sudo -s"),
         before(r"echo[ ]++(?:-n[ ]++)?[\"']?(?P<s>[^\s\"'|]{1,100})[\"']?[ ]{0,3}", _userinfo)),
        (SecretKind.PASSWORD, ("sqlplus", "expdp", "impdp", "rman target"),
         after(r"(?:sqlplus|expdp|impdp|rman[ ]target)(?:[ ]++-[a-z]{1,8}){0,4}[ ]++\w{1,40}/", _attached, _CONNECT)),
        (SecretKind.PASSWORD, (":5432:", ":6432:"), after(r":[0-9]{4}:[\w*-]{1,63}:[\w*-]{1,63}:", _attached)),
        (SecretKind.PASSWORD, ("machine ", "default login"), after(r"(?:machine[ ]++\S{1,200}|default)\s++login\s++\S{1,100}\s++password\s++", anything)),
        (SecretKind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*+[^\s:\"']{{1,80}}:", _attached, needs=" -")),
        (SecretKind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*+(?P<q>[\"'])[^\s:\"']{{1,80}}:", _attached,
               pattern(r"(?P<inner>[^\"'\r\n]{1,128})(?=[\"'])"), needs=" -")),
    )
)  # fmt: skip
