"""Source code and scripts that hand a literal password to a call or to a prompt."""

from consumer.domain.redaction.detectors.rule import Detector, Family, after, pattern
from consumer.domain.redaction.detectors.values import QUOTED, is_literal
from consumer.domain.redaction.placeholders import SecretKind

_TEXT = r"(?:[frbu]?\"[^\"\r\n]{0,160}\"|[frbu]?'[^'\r\n]{0,160}'|[\w$>.:-]{1,60})"
_NEXT = r"\s{0,8},\s{0,8}"

_CALLS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("auth=(", "auth = ("), rf"auth[ ]?=[ ]?\(\s{{0,8}}{_TEXT}{_NEXT}"),
    ((".login(",), rf"[.]login\(\s{{0,8}}{_TEXT}{_NEXT}"),
    (("mysqli(", "mysqli_connect(", "mysql_connect(", "getconnection(", "new pdo(", "ldap_bind(", "ssh2_auth_password("),
     rf"[\w ]{{3,20}}\(\s{{0,8}}{_TEXT}{_NEXT}{_TEXT}{_NEXT}"),
    (("mapnetworkdrive",), rf"mapnetworkdrive[ (]{{1,3}}{_TEXT}{_NEXT}{_TEXT}{_NEXT}\w{{1,8}}{_NEXT}{_TEXT}{_NEXT}"),
    ((".protect ", ".protect(", ".unprotect ", ".unprotect("), r"[.](?:un)?protect[ (](?:password:=)?"),
)  # fmt: skip
"""How the calls begin, up to the password: those of Python, Java, PHP and Visual Basic."""

RULES: tuple[Detector, ...] = (
    *(
        Detector(family=Family.CONNECTIONS, kind=SecretKind.PASSWORD, anchors=anchors, look=after(call, is_literal, QUOTED))
        for anchors, call in _CALLS
    ),
    # Expect: what is sent at the prompt.
    Detector(
        family=Family.CONNECTIONS, kind=SecretKind.PASSWORD, anchors=("assword:", "assword\""),
        look=after(
            r"assword[:\"*]{1,3}[^\r\n]{0,16}\r?\n\s{0,16}(?:exp_)?send(?:_user)?[ ](?:--[ ])?\"", is_literal,
            pattern(r"(?P<sent>[^\"\\\r\n]{4,100})(?=\\[rn]|\")"),
        ),
    ),
)  # fmt: skip
