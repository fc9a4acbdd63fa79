"""Keys and tokens that begin with a mark of their issuer: each kind in several spellings, and what only looks like one.

The forms are written by hand, beside the rules; the values are drawn for each. No value belongs to anybody.
"""

import json
import random
import re
import string
from base64 import b64encode

import pytest

from consumer.domain.redaction import is_clean
from tests.domain.redaction.test_text import bare, scope

LETTERS = {
    "A": string.ascii_letters + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "L": string.ascii_lowercase + string.digits,
    "W": string.ascii_letters + string.digits + "_-",
    "B": string.ascii_lowercase + "234567",
    "S": string.digits
    + string.ascii_uppercase.translate({73: None, 79: None})
    + string.ascii_lowercase.replace("l", ""),
    "h": "0123456789abcdef",
    "n": "123456789",
}
_FORMS = """
AIK_CI_<A28> AIK_CLIENT_<A24> AIK_SECRET_<A64> dvc_client_<A20> dvc_mobile_<A20> dvc_server_<A32> flb_live_<A20>
flb_test_<A20> rzp_live_<A14> rzp_test_<A14> sm_aat_<A16> sm_pat_<A16> sm_sat_<A16> unkey_<A24> CLOJARS_<L60> NF-<A32>
PMAT-<A26> api_org_<A34> apify_api_<A36> cio<A32> csa_<h30><A6> csk-<L48> ddo_<A36> ddp_<A36> ico-<A32> llx-<A48>
mlsn.<A64> napi_<L64> nyk_<A67> ramp_sec_<A48> rnd_<A28> rpa_<A30> rpa_<U40><A6> samsara_api_<A30> ucat_<A26>
xnd_development_<A64> xnd_production_<A60> GOCSPX-<W28> GR1348941<W20> api_live.<W40> api_live_ca.<W40>
api_live_us.<W40> api_test.<W40> bkaa_<W75> bkaj_<W333> bkar_<W73> bkct_<W73> bkpat_<W54> bkps_<W64> bkpt_<W199>
cfat_<A48> cfut_<A40><h8> duffel_live_<W43> duffel_test_<W43> essu_<W80> lip_<A20> mergify_application_key_<A60>
pcsk_<A5>_<A63> persona_production_<A40> persona_sandbox_<A40> pina_<A64> polar_at_<A40> polar_oat_<A43>
polar_pat_<A43> prf_<A43> sb_secret_<A31> sk_car_<A20> tgp_v1_<A43> tss_<A40> vtwn_<A40>
waka_<h8>-<h4>-<h4>-<h4>-<h12> wandb_v1_<A77> cnvca<A51> dnkey-<A26>-<A52> fo1_<A43> sha256~<A43> shltm_<A40>
tk-eu-<A48> tk-us-<A48> vca_<A56> vci_<A56> vck_<A56> vcp_<A56> vcr_<A56> BBDC-<A44> apk_<A90> apk_user_<A140>
bedrock-api-key-<A120> fm1a_<A110> fm1r_<A110> fm2_<A120> packagist_ack_<h30> packagist_acs_<h72> packagist_ort_<h68>
packagist_out_<h68> rootly_<h64> scp-live-<h32> scp-test-<h32> EXO<h26> FLWSECK-<h32> FLWSECK_TEST-<h12> cog_<B52>
4b1d<A38> p8e-<L32> ion_<A42> re_<S8>_<S24> access-production-<h8>-<h4>-<h4>-<h4>-<h12>
access-sandbox-<h8>-<h4>-<h4>-<h4>-<h12> access-development-<h8>-<h4>-<h4>-<h4>-<h12> pub-c-<h8>-<h4>-<h4>-<h4>-<h12>
sub-c-<h8>-<h4>-<h4>-<h4>-<h12> sec-c-<A56> BSA<A28> API-<U26> EAAB<A120> EAAC<A120> EAAD<A120> EAAG<A120>
EAAM<A120> AQVN<A36> AQ.Ab8RN6<A44> KEY0<U31>_<A22> ABIA<U16> ACCA<U16> lsv2_pt_<h32>_<h10> lsv2_sk_<h32>_<h10>
CCDB1_<A22>_<A40> CCIPRJ_<A22>_<h40> configcat-sdk-1/<A22>/<A22> SWMTKN-1-<L50>-<L25> dt0c01.<U24>.<U64>
dt0s01.<U8>.<U64> dt0s02.<U8>.<U64> dt0s16.<U8>.<U64> os_v2_app_<B103> os_v2_org_<B103>
pdl_live_apikey_<L26>_<A22>_<A3> pdl_sdbx_apikey_<L26>_<A22>_<A3> zpka_<L32>_<h8> $aact_prod_<A120>
eyJtaXJv<A30>_<A27> wrka-eyJ<A20>.<A60>.<A80> wrkaus-eyJ<A20>.<A60>.<A80>
gcntfy-live-<h8>-<h4>-<h4>-<h4>-<h12>-<h8>-<h4>-<h4>-<h4>-<h12> hawk.<A20>.<A20> pat.<A22>.<h24>.<A20>
sat.<A22>.<A24>.<A20> pat<A14>.<h64> VF.DM.<h24>.<A16> VF.WS.<h24>.<A16> VF.<h24>.<A16> v1.0-<h24>-<h146>
s-s4t2ud-<h64> s-s4t2af-<h64> sl.<W135> sl.u.<W900> na1.<A100> key-<h32> sk_<n4>_<n6>_<h32> sk_prod_<A24>
rk_prod_<A24> 1/1<n15>:<h32> 2/1<n15>/1<n15>:<h32> <h32>-us<n2> <A6>_<A29>_mmk <A22>==:<A32> <A76>AZDO<A4>
00D<A12>!AQ<A94> 00D<A15>!AR<A94> AstraCS:<A24>:<h64> xoxc-<n12>-<n12>-<n13>-<h64> xoxd-<A120> bkua_<L53>
tskey-api-<A24> xapp-1-<U11>-<n13>-<h64> AstraCS:<A30> STS.Nv3<A24>
"""
FORMS = (*_FORMS.split(), "FlyV1 <A120>")
ANNOUNCED = (
    "SSWS {<W42>}",
    "Set-Cookie: _gitlab_session={<L32>}; path=/",
    "incoming+msp-tools-4711-{<L25>}-issue@gitlab.example",
    "Jenkins-Crumb: {<h32>}",
    "-H 'Jenkins-Crumb:{<h64>}'",
    "-Dsonar.login={<h40>}",
    '$sonarLogin = "{<h40>}"',
    "https://things.example/api/v1/{<L20>}/telemetry",
    "coap://things.example/api/v1/{<L20>}/attributes",
)
SPELLINGS = (
    "{}",
    "export VENDOR={}",
    '{{"value": "{}", "port": 8443}}',
    "He pasted {}, then the sync ran.",
    "the script has '{}' in line 12",
    "| 14:02 | {} | rotated |",
    "first\\n{}\\nlast",
)
HARMLESS = """\
EXO mailbox moved; EXOMailboxMigrationStatistics shows 41 GB
API-Management gateway answers, API-ERROR-LOG is empty
C:\\Users\\pat.smith\\Downloads and \\\\fs01\\sat.reports\\2026
core_connection_timeout=30, more_information_in_KB5034123
version_id 7, session_12ab, region_eu_central_1
firmware v1.0-beta2 and v1.0-20261112
11/12/2026, 12/1/2026: 1/1000000 packets lost
locale en-us1 and 00-us2 of the phone
ssl.conf and sl.contoso.example resolve
STS.CONTOSO.EXAMPLE and sts.windows.net answer
STS.MICROSOFTONLINECORPORATION1.EXAMPLE is blocked
SK 4711 and SKU SK0123456789 are out of stock
DISK01, TASK_4711, RISK-0815 are names
favicon.ico-backup and ico-files were removed
BSA audit in May, BSAsystem restarts
NF-4711 is the number of the note
KEY0 and KEY01 on the keypad are stuck
EAAB, EAAC and EAAM are groups in the directory
key-switch on port 12, key-0123456789abcdef is a label
re_invent_2026 and re_scan are jobs; rpa_bot_04 runs
cio.contoso.example, CIO approved it, cioffi@contoso.example
hawk.eye.example and VF.2026.11 are hosts
access-production-floor camera 3 is dark
sha256~ is a prefix, sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 a digest
SWMTKN-1- begins a join token
pub-c-floor and sub-c-floor have no Wi-Fi
vcp_exporter_of_the_old_server_in_the_branch_office runs
persona_production_database_of_the_branch is slow
mergify_application_key_is_not_set_in_the_pipeline
tk-us-warehouse-printer-next-to-the-north-entrance-of-building is offline
apk_ and fm2_ are names of folders
0123456789abcdef0123456789abcdef is the digest, us2 the region
GUID 3f2504e0-4f89-11d3-9a0c-0305e82c3301, serial PF2FAKE9N52W
the mark of a licence is _mmk
/api/v1/devices/telemetry and /api/v1/organizations/attributes answer
sonar.login is missing, Jenkins-Crumb is wrong
cert ZXlKhbGciOiJSUzI1NiJ9 is a picture
FlyV1 is the name of the scheme, AstraCS: is another
""".splitlines()


def drawn(form: str) -> str:
    """A value of the form: ``<A20>`` is twenty letters of the alphabet A. It is the same at every run."""
    chance = random.Random(form)

    def part(match: re.Match[str]) -> str:
        letters, length = LETTERS[match[1]], int(match[2])
        return "".join(chance.choices(letters, k=length - 1)) + chance.choice(letters.rstrip("_-"))

    return re.sub(r"<(\w)(\d+)>", part, form)


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_and_what_follows_it_are_removed_whole(form: str) -> None:
    value = drawn(form)
    for spelling in SPELLINGS:
        assert bare(scope().text(spelling.format(value))) == spelling.format("\N{BLACK SQUARE}"), spelling


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_at_the_begin_of_a_line_is_seen_in_escaped_json_too(form: str) -> None:
    """The fast path asks the gate about an event's data as it came, before any text of it is read."""
    for before in ("\n", "\t", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{LINE SEPARATOR}"):
        for ascii_only in (True, False):
            assert not is_clean(json.dumps({"text": f"x{before}{drawn(form)}"}, ensure_ascii=ascii_only))


@pytest.mark.parametrize("form", ANNOUNCED)
def test_what_a_name_announces_is_removed_and_the_name_kept(form: str) -> None:
    text = drawn(form)
    assert bare(scope().text(re.sub("[{}]", "", text))) == re.sub(r"\{.*\}", "\N{BLACK SQUARE}", text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_begins_like_a_mark_is_kept(text: str) -> None:
    assert scope().text(text) == text


@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith(("<", "$"))])
def test_a_mark_alone_and_a_name_that_begins_with_it_are_kept(form: str) -> None:
    mark = form.partition("<")[0]
    for text in (f"{mark} is what it begins with", f"{mark}of_the_old_server_in_the_branch", f"the{mark}"):
        assert scope().text(text) == text


def test_a_token_within_base64_is_found_by_what_it_decodes_to() -> None:
    token = f"eyJhbGciOiJIUzI1NiJ9.{drawn('<A40>')}.{drawn('<A43>')}"
    coded = b64encode(token.encode()).decode().rstrip("=")
    assert coded not in scope().text(f"header {coded} sent")
    other = b64encode(b'eyJust a picture, {"no": "token"} in it, of some length').decode().rstrip("=")
    assert scope().text(f"picture {other} shown") == f"picture {other} shown"
