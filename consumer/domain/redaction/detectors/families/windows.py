"""Windows commands that take a password by position or by a short option, and output that shows one."""

from consumer.domain.redaction.detectors.rule import Detector, Family, after, before, shape
from consumer.domain.redaction.detectors.values import QUOTED, TO_END_OF_LINE, Value, anything
from consumer.domain.redaction.placeholders import SecretKind

_ARGUMENT = r"(?:\"[^\"\r\n]{1,100}\"|[^\s\"/*][^\s\"]{0,120})"
_REST = r"[^\r\n|]{0,300}?"
_SIX_TIMES_EIGHT = r"(?P<s>[0-9]{6}(?:-[0-9]{6}){7})(?![0-9-])"


def _argument(value: Value) -> bool:
    """Refuses the next option, a prompt (``*``), and a sentence that goes on behind the command's name."""
    if value.itself[0] in "/*-" or not anything(value):
        return False
    return value.quoted or not value.is_word or value.mixes_case or value.text[value.stop : value.stop + 2] == " /"


def _option(value: Value) -> bool:
    return value.itself[0] not in "/*-" and anything(value)


COMMANDS: tuple[Detector, ...] = tuple(
    Detector(family=Family.WINDOWS_COMMANDS, kind=SecretKind.PASSWORD, anchors=anchors, look=look)
    for anchors, look in (
        (("net user", "net.exe user", "net1 user"), after(rf"net(?:1|\.exe)?[ ]++user[ ]++{_ARGUMENT}[ ]++", _argument)),
        (("net use ", "net.exe use "), after(r"net(?:\.exe)?[ ]++use[ ]++(?:[a-z*]:?[ ]++)?(?:\\\\[^\s]{1,200}|\"\\\\[^\"\r\n]{1,200}\")[ ]++", _argument)),
        (("net use ", "net.exe use ", "net  use ", "net.exe  use "), after(rf"net(?:\.exe)?[ ]++use[ ]{_REST}/user:{_ARGUMENT}[ ]++", _argument)),
        (("psexec", "paexec"), after(rf"pa?s?exec(?:64)?(?:\.exe)?[ ]{_REST}[ ][-/]p[ ]++", _option)),
        (("signtool", "vmrun"), after(rf"(?:signtool|vmrun){_REST}[ ][-/]g?p[ ]++", _option)),
        (("schtasks",), after(rf"schtasks{_REST}[ ]/rp[ ]++", _option)),
        (("certutil",), after(rf"certutil{_REST}[ ][-/]p[ ]++", _option)),
        (("/pd:", "/po:", "/p:", "-p:"), after(r"[/-]p[do]?:(?<=[ ][/-]p[do:]:|.[ ][/-]p:)", _option)),
        (("rasdial",), after(rf"rasdial(?:\.exe)?[ ]++{_ARGUMENT}[ ]++{_ARGUMENT}[ ]++", _argument)),
        (("sshpass",), after(r"sshpass[ ]++-p[ ]*+", _option)),
        (("-passin", "-passout"), after(r"-pass(?:in|out)[ ]++pass:", _option)),
    )
)  # fmt: skip

OUTPUT: tuple[Detector, ...] = (
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.KEY, anchors=("-",),
        look=shape(_SIX_TIMES_EIGHT, back=6),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.KEY, anchors=("recovery", "bitlocker", "wiederherstellung"),
        look=shape(
            r"(?:recovery|bitlocker|wiederherstellung)[^\d\r\n]{0,80}\s{0,16}"
            r"(?P<s>[0-9]{6}(?:[\s-]{0,3}[0-9]{6}){7})(?![0-9-])"
        ),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.PASSWORD,
        anchors=("key content", "schlüsselinhalt", "contenu de la cl", "contenido de la clave", "contenuto chiave", "sleutelinhoud"),
        look=after(r"(?:key[ ]content|schlüsselinhalt|conten[ui]do?[ ]de[ ]la[ ](?:cl[ée]|clave)|contenuto[ ]chiave|sleutelinhoud)"
                   r"[ \t]*+:[ \t]*+", lambda value: not value.is_impossible and not value.is_common, TO_END_OF_LINE),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.PASSWORD, anchors=("mslaps-",),
        look=after(r"mslaps-[^\r\n]{0,120}?[\\]?\"p[\\]?\"[ ]{0,4}:[ ]{0,4}", lambda value: not value.is_impossible, QUOTED),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.HASH, anchors=("aad3b435b51404eeaad3b435b51404ee:",),
        look=shape(r"[0-9a-f]{32}:(?P<s>[0-9a-f]{32})(?![0-9a-f])"),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.HASH, anchors=(":::",),
        look=before(r"[0-9a-f]{32}:(?P<s>[0-9a-f]{32})", lambda _: True, reach=70),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.HASH, anchors=(":::",),
        look=before(r"(?P<s>(?!aad3b435b51404ee)[0-9a-f]{32}):[0-9a-f]{32}", lambda _: True, reach=70),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.HASH, anchors=("ntlm", "nthash", "nt hash"),
        look=shape(r"(?:ntlm|nt[ ]?hash)(?:[ ]hash)?[ \t]*+(?:[:=]|is)[ \t]*+(?P<s>[0-9a-f]{32})(?![0-9a-f])"),
    ),
    # Under Winlogon a password may contain blanks.
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.PASSWORD, anchors=("defaultpassword",),
        look=after(r"defaultpassword[ \t]++REG_SZ[ \t]++", lambda value: not value.is_impossible, TO_END_OF_LINE),
    ),
)  # fmt: skip
