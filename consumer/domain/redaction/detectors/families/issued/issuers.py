"""Keys and tokens that carry the mark of who issued them. No word has to announce them."""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable

from consumer.domain.redaction.detectors.rule import (
    END,
    FREE,
    NOTHING,
    Detector,
    Family,
    TextSpan,
    after,
    pattern,
    shape,
)
from consumer.domain.redaction.detectors.values import Value
from consumer.domain.redaction.placeholders import SecretKind

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UNIFORM = pattern(_UUID)
_LONGEST_CODED = 16_384

_TOKENS: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("xapp-",), r"xapp-[0-9]{1,10}-[A-Za-z0-9]{6,16}-[0-9]{6,20}-[0-9a-fA-F]{32,80}", 0),
    (("ATATT3", "ATCTT3"), r"AT[AC]TT3[\w=-]{60,300}", 0),
    (("ATBB",), rf"{FREE}ATBB[A-Za-z0-9]{{28,36}}{END}", 0),
    (("glptt-", "glft-", "glsoat-", "glcbt-", "glimt-", "glagent-", "gloas-", "glffct-"),
     r"gl(?:ptt|ft|soat|cbt|imt|agent|oas|ffct)-[\w-]{16,80}", 0),
    (("dapi",), rf"{FREE}dapi[0-9a-f]{{32}}(?:-[0-9])?{END}", 0),
    (("doo_v1_", "dor_v1_"), r"do[or]_v1_[0-9a-f]{40,80}", 0),
    (("dckr_oat_",), r"dckr_oat_[\w-]{24,48}", 0),
    (("dp.pt.", "dp.ct.", "dp.sa.", "dp.st.", "dp.scim.", "dp.audit."),
     rf"{FREE}dp\.(?:[ps]t|ct|sa|scim|audit)\.(?:[a-z0-9_-]{{2,35}}\.)?[A-Za-z0-9]{{40,48}}{END}", 0),
    (("figd_",), r"figd_[\w-]{30,64}", 0),
    (("fio-u-",), r"fio-u-[\w-]{50,80}", 0),
    (("glc_",), rf"{FREE}glc_[A-Za-z0-9+/=_-]{{32,500}}", 0),
    (("glsa_",), rf"{FREE}glsa_[A-Za-z0-9]{{32}}_[0-9A-Fa-f]{{8}}", 0),
    (("eyJrIjoi",), rf"{FREE}eyJrIjoi[A-Za-z0-9+/=_-]{{40,500}}", 0),
    (("gsk_",), rf"{FREE}gsk_[A-Za-z0-9]{{48,56}}{END}", 0),
    (("pat-na1-", "pat-eu1-"), rf"pat-(?:na|eu)1-{_UUID}", 0),
    (("hvs.", "hvb."), rf"{FREE}hv[sb]\.[\w-]{{24,300}}", 0),
    (("NRAK-", "NRJS-", "NRII-", "NRRA-"), rf"{FREE}NR(?:AK|JS|II|RA)-[A-Za-z0-9_-]{{19,48}}", 0),
    (("oy2",), rf"{FREE}oy2[a-z0-9]{{43}}{END}", 0),
    (("ntn_",), rf"{FREE}ntn_[A-Za-z0-9]{{40,50}}{END}", 0),
    (("secret_",), rf"{FREE}secret_[A-Za-z0-9]{{43}}{END}", 0),
    (("lin_api_",), r"lin_api_[A-Za-z0-9]{36,48}", 0),
    (("pscale_",), r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,64}", 0),
    (("PMAK-",), r"PMAK-[0-9a-fA-F]{24}-[0-9a-fA-F]{34}", 0),
    (("phx_",), rf"{FREE}phx_\w{{40,60}}", 0),
    (("pnu_",), rf"{FREE}pnu_[A-Za-z0-9]{{36}}{END}", 0),
    (("pul-",), rf"{FREE}pul-[0-9a-f]{{40}}{END}", 0),
    (("rdme_",), r"rdme_[a-z0-9]{60,80}", 0),
    (("r8_",), rf"{FREE}r8_[A-Za-z0-9]{{36,48}}{END}", 0),
    (("rubygems_",), r"rubygems_[0-9a-f]{48}", 0),
    (("sgp_", "slk_"), rf"{FREE}(?:sgp|slk)_(?=[A-Za-z_]{{0,60}}[0-9])\w{{40,80}}{END}", 0),
    (("xkeysib-", "xsmtpsib-"), r"x(?:key|smtp)sib-[0-9a-fA-F]{64}-[A-Za-z0-9]{16}", 0),
    (("shippo_",), r"shippo_(?:live|test)_[0-9a-fA-F]{40}", 0),
    (("shpca_", "shppa_", "shpss_"), r"shp(?:ca|pa|ss)_[0-9a-fA-F]{32}", 0),
    (("sqp_", "squ_", "sqa_"), rf"{FREE}sq[pua]_[0-9a-f]{{40}}{END}", 0),
    (("sq0atp-", "sq0csp-"), r"sq0(?:at|cs)p-[\w-]{22,60}", 0),
    (("EAAA",), rf"{FREE}EAAA[\w-]{{56,64}}{END}", 0),
    (("sbp_",), rf"{FREE}sbp_[0-9a-z]{{40}}{END}", 0),
    (("tskey-",), r"tskey-[a-z]{2,12}-(?=[a-z-]{0,40}[A-Z0-9])[A-Za-z0-9-]{12,80}", 0),
    (("tkn.v1_",), r"tkn\.v1_[A-Za-z0-9+/]{60,80}={0,2}", 0),
    ((".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,72}", 14),
    (("tfp_",), rf"{FREE}tfp_[\w-]{{40,64}}", 0),
    (("BBFF-",), rf"{FREE}BBFF-[A-Za-z0-9]{{28,36}}{END}", 0),
    (("sntrys_", "sntryu_"), r"sntry[su]_[A-Za-z0-9+/=_-]{48,400}", 0),
    (("bkua_",), rf"{FREE}bkua_[0-9a-z]{{40,53}}{END}", 0),
    (("CCIPAT_",), r"CCIPAT_[A-Za-z0-9]{18,24}_[0-9a-z]{36,48}", 0),
    (("CFPAT-",), rf"{FREE}CFPAT-[\w-]{{43,64}}", 0),
    (("odt_",), rf"{FREE}odt_[A-Za-z0-9]{{32,70}}{END}", 0),
    (("mdb_sa_sk_",), r"mdb_sa_sk_[\w-]{36,48}", 0),
    (("pplx-",), rf"{FREE}pplx-[A-Za-z0-9]{{40,64}}", 0),
    (("HRKU-",), rf"{FREE}HRKU-[\w-]{{36,72}}", 0),
    (("ops_eyJ",), rf"{FREE}ops_eyJ[A-Za-z0-9+/=_-]{{100,2000}}", 0),
    (("AKCp",), rf"{FREE}AKCp[A-Za-z0-9]{{64,80}}{END}", 0),
    (("xai-",), rf"{FREE}xai-[A-Za-z0-9_]{{70,90}}{END}", 0),
    (("1000.",), rf"{FREE}1000\.[0-9a-f]{{32}}\.[0-9a-f]{{32}}{END}", 0),
    (("pk_",), rf"{FREE}pk_[0-9]{{4,12}}_[A-Z0-9]{{32}}{END}", 0),
    (("sk_",), rf"{FREE}sk_[0-9a-f]{{48}}{END}", 0),
    (("cmVmd",), rf"{FREE}cmVmd[A-Za-z0-9]{{56,64}}{END}", 0),
)  # fmt: skip
_KEYS: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("LTAI",), rf"{FREE}LTAI[A-Za-z0-9]{{16,24}}{END}", 0),
    (("aio_",), rf"{FREE}aio_[A-Za-z0-9]{{28}}{END}", 0),
    (("nvapi-",), r"nvapi-[\w-]{56,72}", 0),
    (("EZAK", "EZTK"), rf"{FREE}EZ[AT]K[A-Za-z0-9]{{54}}{END}", 0),
    (("ABSK",), rf"{FREE}ABSK[A-Za-z0-9+/]{{109,269}}={{0,2}}", 0),
    (("A3-",), rf"{FREE}A3-[A-Z0-9]{{6}}-(?:[A-Z0-9]{{11}}|[A-Z0-9]{{6}}-[A-Z0-9]{{5}})(?:-[A-Z0-9]{{5}}){{3}}{END}", 0),
    # Microsoft's keys name their service by four letters in the middle, and end behind a checksum.
    (("JQQJ99",), rf"{FREE}[A-Za-z0-9]{{52}}JQQJ99[A-Za-z0-9]{{26}}{END}", 52),
    (("AzFu",), rf"{FREE}[\w-]{{44}}AzFu[\w-]{{5,8}}={{0,2}}", 44),
    (("AzSe",), rf"{FREE}[A-Za-z0-9]{{42}}AzSe[A-Za-z0-9]{{6}}{END}", 42),
    (("+ACR",), r"[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}(?![\w+/])", 42),
    (("+ASt", "+ABa", "ACDb"), r"[A-Za-z0-9+/]{76}(?:\+ASt|\+ABa|ACDb)[A-Za-z0-9+/]{6}==", 76),
    (("AzCa", "AIoT", "+ASb", "+AEh"), r"[A-Za-z0-9+/]{33}(?:AzCa|AIoT|\+ASb|\+AEh)[A-Za-z0-9+/]{6}=", 33),
)  # fmt: skip
_NO_SECRET = pattern(
    r"(?:public|pub|primary|foreign|unique|sort|partition|row|cache|hash|object|file|blob|s3|routing|group|dedup\w{0,12}|idempotency"
    r"|correlation|session|issue|event|registry|reg|translation|message|i18n|index|lookup|map|dict|json|host|ssh|[?&])[ _-]?\Z"
)
"""Before the word: keys that are none to anything, and those of a URL, which have a rule of their own."""
_NO_ISSUED = frozenset(" :\\()[]{}$<@")


def _issued(value: Value) -> bool:
    """Accepts, behind a name that ends with "key", what a service issued: long, letters and digits mixed.

    An id of the common form (a UUID) is refused: most of them name a record. So is what an SSH key begins with.
    """
    itself = value.itself
    if len(itself) < 20 or not (value.has_digit and value.has_letter) or value.is_impossible:
        return False
    if _UNIFORM.fullmatch(itself) or itself.startswith(("AAAA", "MII")) or itself.count("/") > 1:
        return False
    return _NO_ISSUED.isdisjoint(itself) and itself.isascii() and "-" not in (itself[0], itself[-1])


def _decoded_block(coded: str) -> str | None:
    """The block or token that base64 hides. A public key or a certificate holds no secret, and is found to hold none."""
    try:
        return b64decode(coded[: len(coded) // 4 * 4], validate=True).decode("ascii", "replace")
    except (Error, ValueError):
        return None


_ASSIGNED = after(r"_?(?:key|pat)[\"'\]]{0,2}[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}", _issued)


def _variable(text: str, at: int) -> Iterable[TextSpan]:
    return NOTHING if _NO_SECRET.search(text[max(0, at - 24) : at]) else _ASSIGNED(text, at)


RULES: tuple[Detector, ...] = (
    *(
        Detector(family=Family.CLOUD, kind=kind, anchors=anchors, look=shape(source, back=back, case=True))
        for kind, table in ((SecretKind.TOKEN, _TOKENS), (SecretKind.KEY, _KEYS))
        for anchors, source, back in table
    ),
    Detector(family=Family.CLOUD, kind=SecretKind.KEY, anchors=("key=", "key:", "_key", "_pat"), look=_variable),
    Detector(
        family=Family.KEYS, kind=SecretKind.KEY, anchors=("LS0tLS1CRUdJTi",), far=True, decoded=_decoded_block,
        look=shape(rf"{FREE}LS0tLS1CRUdJTi[A-Za-z0-9+/]{{40,{_LONGEST_CODED}}}={{0,2}}", case=True),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.TOKEN, anchors=("ZXlK",), far=True, decoded=_decoded_block,
        look=shape(rf"{FREE}ZXlK[A-Za-z0-9+/]{{40,{_LONGEST_CODED}}}={{0,2}}", case=True),
    ),
    Detector(
        family=Family.WINDOWS_OUTPUT, kind=SecretKind.HASH, anchors=("$krb5",), far=True,
        look=shape(r"\$krb5(?:asrep|tgs|pa)\$[^\s\"']{40,8000}"),
    ),
)  # fmt: skip
