"""Connection strings and the command lines of database, HTTP and file clients."""

from consumer.domain.redaction.detectors.rule import Family, Rule, after, pattern
from consumer.domain.redaction.detectors.values import Value, anything
from consumer.domain.redaction.placeholders import Kind

_REST = r"[^\r\n|]{0,300}?"
_USERINFO = pattern(r"(?P<userinfo>[^\s/\"'<>\[][^\s/\"'<>]{0,200}|\[(?!REDACTED:)[^\s/\"'<>]{0,200})(?=@[\w.\[{-])")


def _userinfo(value: Value) -> bool:
    return not value.is_impossible


def _attached(value: Value) -> bool:
    """``-psecret``: glued to its option, so that ``-p database`` is none."""
    return not value.is_impossible and value.itself[0] != "-"


def _argument(value: Value) -> bool:
    return value.itself[0] not in "-/" and anything(value)


RULES: tuple[Rule, ...] = tuple(
    Rule(family=Family.CONNECTIONS, kind=kind, anchors=anchors, look=look)
    for kind, anchors, look in (
        (Kind.CONNECTION_STRING, ("://",), after(r"://[^\s/:@\"'<>]{0,100}:", _userinfo, _USERINFO)),
        (Kind.CONNECTION_STRING, (":thin:",), after(r":thin:[^\s/@]{1,60}/", _userinfo, _USERINFO)),
        (Kind.PASSWORD, ("mysql", "mariadb"), after(rf"(?:mysql|mariadb)[a-z-]{{0,12}}(?:\.exe)?{_REST}[ ]-p(?=\S)", _attached)),
        (Kind.PASSWORD, ("sqlcmd", "osql", "bcp", "isql", "sqlplus", "tsql"),
         after(rf"(?:sqlcmd|osql|bcp|isql|tsql)(?:\.exe)?{_REST}[ ](?-i:-P)[ ]*", _argument)),
        (Kind.PASSWORD, ("redis-cli",), after(rf"redis-cli{_REST}[ ](?:-a|--pass)[ ]+", _argument)),
        (Kind.PASSWORD, ("smbclient", "rpcclient"), after(rf"(?:smb|rpc)client{_REST}[ ]-U[ ]*[\"']?[^\s%\"']{{1,60}}%", _attached)),
        (Kind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*[^\s:\"']{{1,80}}:", _attached)),
        (Kind.PASSWORD, ("curl",),
         after(rf"curl(?:\.exe)?{_REST}[ ](?:-u|-U|--user|--proxy-user)[ =]?[ ]*(?P<q>[\"'])[^\s:\"']{{1,80}}:", _attached,
               pattern(r"(?P<inner>[^\"'\r\n]{1,128})(?=[\"'])"))),
    )
)  # fmt: skip
