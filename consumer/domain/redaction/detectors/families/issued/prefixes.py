"""Keys and tokens that begin with a mark of their issuer: one table of marks by what follows them.

A mark is known by its issuer's documents and by the public rule sets; `make bench-redaction-rules` shows what these find.
Marks of a few common letters need a company in ``anchors``, so that ordinary words open no gate.
"""

from consumer.domain.redaction.detectors.rule import END, FREE, Detector, Family, before, shape
from consumer.domain.redaction.placeholders import SecretKind

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MIXED = r"(?=[a-z_.-]{0,60}[A-Z0-9])"
"""A digit or a capital: names of tables and hosts that begin like a mark have neither."""

_MARKS: tuple[tuple[str, str], ...] = (
    (rf"{_MIXED}[A-Za-z0-9]{{14,64}}",
     """AIK_CI_ AIK_CLIENT_ AIK_SECRET_ dvc_client_ dvc_mobile_ dvc_server_ flb_live_ flb_test_ rzp_live_
        rzp_test_ sm_aat_ sm_pat_ sm_sat_ unkey_"""),
    (r"[A-Za-z0-9]{24,120}",
     """CLOJARS_ NF- PMAT- api_org_ apify_api_ cio csa_ csk- ddo_ ddp_ ico- llx- mlsn. napi_ nyk_ ramp_sec_ rnd_
        rpa_ samsara_api_ ucat_ xnd_development_ xnd_production_"""),
    (rf"{_MIXED}[\w-]{{16,340}}",
     """GOCSPX- GR1348941 api_live. api_live_ca. api_live_us. api_test. bkaa_ bkaj_ bkar_ bkct_ bkpat_ bkps_
        bkpt_ cfat_ cfut_ duffel_live_ duffel_test_ essu_ lip_ mergify_application_key_ pcsk_ persona_production_
        persona_sandbox_ pina_ polar_at_ polar_oat_ polar_pat_ prf_ sb_secret_ sk_car_ tgp_v1_ tss_ vtwn_ waka_
        wandb_v1_"""),
    (rf"{_MIXED}[\w-]{{40,60}}", "cnvca fo1_ sha256~ shltm_ tk-eu- tk-us- vca_ vci_ vck_ vcp_ vcr_"),
    (rf"{_MIXED}[A-Za-z0-9+/=_-]{{32,1200}}", "BBDC- apk_ apk_user_ bedrock-api-key- fm1a_ fm1r_ fm2_"),
    (r"[0-9a-f]{28,96}", "packagist_ack_ packagist_acs_ packagist_ort_ packagist_out_ rootly_ scp-live- scp-test-"),
    (r"[0-9a-f]{24,32}", "EXO"),
    (r"[0-9a-h]{12,32}", "FLWSECK- FLWSECK_TEST-"),
    (r"[a-z2-7]{52}", "cog_"),
    (r"[A-Za-z0-9]{38}", "4b1d"),
    (r"[a-z0-9]{32}", "p8e-"),
    (r"[A-Za-z0-9]{42}", "ion_"),
    (r"[1-9A-HJ-NP-Za-km-z]{8}_[1-9A-HJ-NP-Za-km-z]{24}", "re_"),
    (_UUID, "access-development- access-production- access-sandbox- pub-c- sub-c-"),
    (r"[\w-]{40,100}", "sec-c-"),
    (r"(?=[a-z]{0,20}[A-Z0-9])[\w-]{24,40}", "BSA"),
    (r"[A-Z0-9]{26}", "API-"),
    (r"[A-Za-z0-9]{90,400}", "EAAB EAAC EAAD EAAG EAAM"),
    (r"[\w-]{35,38}", "AQVN"),
    (r"[\w-]{44}", "AQ.Ab8RN6"),
    (r"[0-9A-Z]{30,32}_[A-Za-z0-9_-]{20,24}", "KEY0"),
    (r"[A-Z0-9]{12,16}", "ABIA ACCA"),
)  # fmt: skip
_SHAPES: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("_gitlab_session=",), r"_gitlab_session=(?P<s>[0-9a-z]{32})(?!\w)", 0),
    (("dnkey-",), rf"{FREE}dnkey-[\w=-]{{26}}-[\w=-]{{52}}", 0),
    (("AstraCS:",), rf"{FREE}AstraCS:[A-Za-z0-9]{{20,40}}(?::[0-9a-f]{{40,80}})?{END}", 0),
    (("FlyV1 ",), rf"{FREE}FlyV1[ ][\w+/=-]{{40,2000}}", 0),
    (("STS.",), rf"{FREE}(?<![.-])STS\.(?=[A-Z0-9]{{0,60}}[a-z])(?=[A-Za-z]{{0,60}}[0-9])[A-Za-z0-9]{{16,64}}(?![\w.])", 0),
    (("lsv2_pt_", "lsv2_sk_"), rf"{FREE}lsv2_[ps][tk]_[0-9a-fA-F]{{32}}_[0-9a-fA-F]{{10}}", 0),
    (("CCDB1_",), rf"{FREE}CCDB1_[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{40}}", 0),
    (("CCIPRJ_",), rf"{FREE}CCIPRJ_[A-Za-z0-9]{{18,24}}_[0-9a-f]{{40}}", 0),
    (("configcat-sdk-1/",), r"configcat-sdk-1/[\w-]{22}/[\w-]{22}", 0),
    (("SWMTKN-1-",), r"SWMTKN-1-[a-z0-9]{45,60}-[a-z0-9]{24,30}", 0),
    (("dt0c01.", "dt0s01.", "dt0s02.", "dt0s16."), rf"{FREE}dt0[a-z][0-9]{{2}}\.[A-Za-z0-9]{{8,24}}\.[A-Za-z0-9]{{64}}", 0),
    (("os_v2_app_", "os_v2_org_"), r"os_v2_(?:app|org)_[a-z2-7]{90,110}", 0),
    (("pdl_live_apikey_", "pdl_sdbx_apikey_"), r"pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}", 0),
    (("zpka_",), rf"{FREE}zpka_[a-z0-9]{{32}}_[0-9a-f]{{8}}", 0),
    (("$aact_",), r"\$aact_(?:prod|hmlg)_[\w-]{20,400}", 0),
    (("eyJtaXJv",), rf"{FREE}eyJtaXJv[A-Za-z0-9-]{{10,64}}_[\w-]{{20,64}}", 0),
    (("wrka",), rf"{FREE}wrka(?:[a-z]{{2}})?-eyJ[\w-]{{8,600}}\.[\w-]{{16,600}}\.[\w-]{{40,600}}", 0),
    (("gcntfy-",), rf"gcntfy-\w{{1,80}}-{_UUID}-{_UUID}", 0),
    (("hawk.",), rf"{FREE}hawk\.[\w-]{{20}}\.[\w-]{{20}}{END}", 0),
    (("pat.", "sat."), rf"{FREE}[ps]at\.[\w-]{{22}}\.[A-Za-z0-9]{{24}}\.[A-Za-z0-9]{{20}}{END}", 0),
    (("pat",), rf"{FREE}pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}{END}", 0),
    (("VF.",), rf"{FREE}VF\.(?:(?:DM|WS)\.)?[0-9a-fA-F]{{24}}\.[A-Za-z0-9]{{16}}{END}", 0),
    (("v1.0-",), rf"{FREE}v1\.0-[0-9a-f]{{24}}-[0-9a-f]{{146}}{END}", 0),
    (("s-s4t2ud-", "s-s4t2af-"), r"s-s4t2(?:ud|af)-[0-9a-f]{64}", 0),
    (("sl.",), rf"{FREE}(?<![.-])sl\.(?:u\.)?[\w-]{{100,1600}}", 0),
    (("na1.",), rf"{FREE}na1\.[A-Za-z0-9+/]{{100}}(?![A-Za-z0-9+/])", 0),
    (("key-",), rf"{FREE}(?<!-)key-[0-9a-f]{{32}}(?![\w-])", 0),
    (("sk_",), rf"{FREE}sk_[0-9]{{2,6}}_[0-9]{{2,8}}_[0-9a-f]{{32,40}}{END}", 0),
    (("sk_prod_", "rk_prod_"), rf"{FREE}[rs]k_prod_[A-Za-z0-9]{{10,99}}", 0),
    (("1/1", "2/1"), rf"{FREE}(?<![/.])[0-2]/[0-9]{{12,20}}(?:/[0-9]{{12,20}})?:[0-9a-f]{{32}}(?!\w)", 0),
    (("-us",), rf"{FREE}[0-9a-f]{{32}}-us[0-9]{{1,2}}{END}", 32),
    (("_mmk",), rf"{FREE}[A-Za-z0-9]{{6}}_[A-Za-z0-9]{{29}}_mmk{END}", 36),
    (("==:",), rf"{FREE}(?<![+/])[A-Za-z0-9+/]{{22}}==:[A-Za-z0-9]{{32}}(?!\w)", 22),
    (("AZDO",), rf"{FREE}[A-Za-z0-9]{{76}}AZDO[A-Za-z0-9]{{4}}{END}", 76),
    # Salesforce's session ids name the organisation, then "!AQ" or "!AR".
    (("!AQ", "!AR"), rf"{FREE}00D[A-Za-z0-9]{{12}}!A[QR][\w.]{{60,260}}", 15),
    (("!AQ", "!AR"), rf"{FREE}00D[A-Za-z0-9]{{15}}!A[QR][\w.]{{60,260}}", 18),
    (("SSWS ",), r"SSWS[ ]{1,2}(?P<s>[\w-]{40,44})(?![\w-])", 0),
    (("incoming+",), r"incoming\+(?:[\w.-]{1,120}-)?[0-9]{1,12}-(?P<s>[A-Za-z0-9_]{18,40})-(?:issue|merge-request)", 0),
    (("jenkins-crumb",), r"[Jj]enkins-[Cc]rumb[\"']?[ ]?[:=][ ]?[\"']?(?P<s>[0-9a-f]{32,64})(?!\w)", 0),
    (("sonar.login", "sonar_login", "sonarlogin"), r"[Ss]onar[._]?[Ll]ogin[\"']?[ ]{0,2}[=:,][ ]{0,2}[\"']?(?P<s>[0-9a-f]{40})(?!\w)", 0),
)  # fmt: skip


def _marked(rest: str, marks: str) -> Detector:
    """The rule for all marks that are followed by the same."""
    listed = tuple(marks.split())
    sources = "|".join(mark.replace(".", r"\.") for mark in listed)
    return Detector(
        family=Family.CLOUD,
        kind=SecretKind.TOKEN,
        anchors=listed,
        look=shape(rf"{FREE}(?:{sources}){rest}{END}", case=True),
    )


RULES: tuple[Detector, ...] = (
    *(_marked(rest, marks) for rest, marks in _MARKS),
    *(
        Detector(family=Family.CLOUD, kind=SecretKind.TOKEN, anchors=anchors, look=shape(source, back=back, case=True))
        for anchors, source, back in _SHAPES
    ),
    Detector(
        family=Family.CLOUD, kind=SecretKind.TOKEN, anchors=("/telemetry", "/attributes"),
        look=before(r"/api/v1/(?P<s>[A-Za-z0-9]{20})", lambda value: value.has_digit, reach=40),
    ),
)  # fmt: skip
