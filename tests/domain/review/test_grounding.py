"""Foreign names and figures are seen. Harmless differences and ordinary words pass."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.review import grounding
from consumer.domain.review.grounding import Lexicon
from consumer.domain.text import names, quantities
from consumer.domain.writing import prompt
from tests.support import build

RECORD = build.bundle(
    build.opened(
        title="Labels are cut",
        problem_summary="Since Monday 16 November 07:10 labels from HCS-PRINT01 (10.61.8.22) are cut.",
        problem_domain="printing",
        intake_text="Please call m.okafor@hollin.example, see https://status.example.com/i/77 or C:\\Temp\\spool.log.",
        psa_ticket={"system": "halopsa", "ticket_id": "9071"},
    ),
    build.check(
        "41 entries of event ID 372 with error 0x8007007A; KB5068861 was installed, driver version 8.6.5, jobs of"
        " 4,128 bytes.",
        source_summary="Event Viewer, HCS-PRINT01",
    ),
    build.fact(
        "HOLLIN\\svc-print runs the spooler; HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print has"
        " 'RpcAuthnLevelPrivacyEnabled'; the share is \\\\HCS-FS01\\labels$; ERROR_INSUFFICIENT_BUFFER;"
        " Windows Server 2022; printer-02 at 00:1b:63:84:45:e6.",
        fact_id="two",
    ),
    build.fact(
        "Get-PrintJob -PrinterName shows 2.5 MB in 3 jobs, ping takes 38 ms, ports 80,443 are open,"
        " [REDACTED:password#1] failed, MaxJobs=50, /etc/cups/cupsd.conf is empty,"
        " fe80::1c2f:aa answers, SSID without 802.11r. Since 2026-12-17 as well.",
        fact_id="three",
    ),
    build.script("Clear the spooler", slug="printing-clear", parameters={"keep_days": 30}),
    build.fix("Reinstall the driver", confidence_pct=74),
)
LEXICON = grounding.of_bundle(RECORD)

FOREIGN = {
    "host": "Log on to HCS-PRINT02.",
    "lower-case host": "Log on to print07 and look.",
    "qualified host": "Look at mail.hollin.example.",
    "address": "Ping 10.61.8.23.",
    "part of an address": "The subnet is 10.61.8.2 here.",
    "IPv6": "It has fe80::2 as an address.",
    "MAC": "It is 00:1b:63:84:45:e7.",
    "email": "Ask j.doe@hollin.example.",
    "email of a known domain": "Ask jdoe@hollin.example.",
    "address of a local service": "Open ftp://intranet/x.",
    "account": "HOLLIN\\admin runs it.",
    "path": "Look into C:\\Windows\\spool.",
    "short path": "Look into D:\\Data.",
    "server share": "Open \\\\intranet now.",
    "share": "Open \\\\HCS-FS02\\labels.",
    "unix path": "Look into /var/log/cups.",
    "registry drive": "Look into HKCU:\\Print.",
    "registry key": "Set HKLM\\SOFTWARE\\Policies.",
    "KB article": "Remove KB5068862.",
    "ticket": "See ticket #9072.",
    "error code": "It gives 0x80070005.",
    "constant": "It gives ERROR_ACCESS_DENIED.",
    "event id": "Look for event ID 373.",
    "cmdlet": "Run Restart-Service on it.",
    "command": "Run netsh on it.",
    "option": "Add the option -Force to it.",
    "setting": "Set MaxJobs=7 on it.",
    "device without a number": "Log on to HCS-MAIN.",
    "address with a port": "Open 10.61.8.22:8443.",
    "network": "It is in 10.61.8.0/24 today.",
    "negative code": "It gives -2147024809.",
    "hexadecimal name": "It is 3c4d7e2a there.",
    "identifier": "Set RpcUseNamedPipeProtocol on it.",
    "version": "The driver was 8.6.6.",
    "part of a version": "The driver was 8.6 before.",
    "product": "It runs Windows Server 2019.",
    "small product version": "It runs Windows 10 here.",
    "small product version at the beginning": "Windows 10 is there.",
    "number with a unit": "The job has 5 MB.",
    "fraction": "The job has 2.6 MB.",
    "percent": "It is 80% sure.",
    "large number": "There are 52 entries.",
    "date": "It began on 17 November.",
    "time": "It began at 07:15.",
    "quoted string": 'The log says "access is denied".',
    "single-quoted string": "The log says 'access is denied'.",
    "placeholder": "The value is [REDACTED:password#2].",
    "guid": "It is 0c4e9f11-6d3b-4a44-9a77-1d5be2c60f42.",
    "duration": "It took 45 minutes.",
    "duration in a recommendation": "Watch it for 24 hours.",
    "right number, wrong unit": "The disk has 50 MB free.",
    "small number with a unit": "It has 3 GB left.",
    "number of another unit": "It took 38 seconds.",
    "number in words with a unit": "It has three GB left.",
    "number with a hyphen and a unit": "Take a 38-minute break.",
    "thousands of another number": "It was 4,129 bytes.",
    "host in capitals": "Log on to HCSMAIN and look.",
    "snake case": "Restart label_agent today.",
    "service account": "Log on as svc-scan today.",
    "environment variable": "Look into %TEMP% now.",
    "variable of a shell": "Look at $env:path first.",
    "person": "Ask Karen Miller about it.",
    "first name": "Call Karen today.",
    "small ticket": "See ticket #7.",
    "small ticket without a mark": "See ticket 7.",
    "small event id": "Look for event ID 7.",
    "small error code": "It gives error 5.",
    "one of several codes": "It gives error codes 372 and 9.",
    "small port": "Open port 8 there.",
    "VLAN": "It is on VLAN 7.",
    "product without a list": "It needs the Zebra 9 driver.",
    "lower-case cmdlet": "Run get-printjob2 or restart-service on it.",
    "cmdlet of a rare verb": "Run Build-Queue now.",
    "two words of a command": "Run net stop and see.",
    "command of a switch": "Enter show running-config there.",
    "command of containers": "Run docker there.",
    "other width": "\uff2b\uff225068862 is needed.",
    "quotation of another language": "It says \u00abaccess denied\u00bb.",
    "day of another month": "It began on 17 November.",
    "month": "It began on 16 March.",
    "month first": "It began on March 16.",
    "hive with another key": "Look into HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies.",
    "#number": "It was #4.",
}
GROUNDED = [
    "Log on to hcs-print01 at 10.61.8.22.",
    "Ask M.Okafor@Hollin.example.",
    "HOLLIN\\svc-print runs it from \\\\HCS-FS01\\labels$.",
    "See C:\\Temp\\spool.log.",
    'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Print has "RpcAuthnLevelPrivacyEnabled".',
    "Error 0x8007007a (ERROR_INSUFFICIENT_BUFFER), event ID 372.",
    "KB5068861 and driver 8.6.5 on Windows Server 2022.",
    "Jobs of 4128 bytes, of 4,128 bytes.",
    "Ports 80 and 443 are open.",
    "41 entries since 16 November, since 07:10.",
    "[REDACTED:password#1] failed.",
    "Get-PrintJob with -PrinterName shows 3 jobs of 2.5 MB in 38 ms.",
    "MaxJobs = 50 and keep_days = 30.",
    "Ticket #9071.",
    "It is 74% sure.",
    "/etc/cups/cupsd.conf is empty.",
    "printer-02 and fe80::1c2f:aa and 802.11r.",
    "\u201cLabels are cut\u201d, the title says.",
    "\u00abLabels are cut\u00bb, the title says.",
    "Jobs of 2.5 MB, 2.5MB, and 38-millisecond pings.",
    "Jobs are kept for 30 days, as KEEP_DAYS says.",
    "74 percent, event IDs 372, ports 80/443, 17 December.",
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Print.",
    "It began on November 16, on 16 Nov.",
    "See #9071, ticket 9071.",
    '"Labels   are cut", the title says.',
]
ORDINARY = [
    "Two users saw it, then 4 more.",
    "Take step 2 before step 3.",
    "Compare an affected user's printer with one that works.",
    "The users' queues and the admins' rights differ.",
    "It's the driver, and/or the queue; e.g. the cable, i.e. the path.",
    "Check Wi-Fi, VPN, DNS and MFA on both; ask the 2nd line.",
    "The on-call engineer's follow-up is a read-only, set-aside add-on.",
    "Ask at 9 a.m. whether the well-known third-party add-in is there.",
    "Ask HR, call the vendor, tell Monday's team with Level 2 and Tier 3.",
    "Check RADIUS, LDAPS and HTTPS in Phase 1; use-cases and test-drives, a set-up and start-stop.",
    "In case 2 users call back, take part 3 first; update Windows, by Friday.",
]


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_the_record_does_not_hold_is_seen(text: str) -> None:
    assert list(LEXICON.foreign(text))


@pytest.mark.parametrize("text", GROUNDED)
def test_harmless_differences_pass(text: str) -> None:
    assert list(LEXICON.foreign(text)) == []


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_and_small_counts_pass(text: str) -> None:
    assert list(LEXICON.foreign(text)) == []


@pytest.mark.parametrize("kind", names.NAMED.groupindex)
def test_no_kind_of_name_is_idle(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the kind, a name above would pass."""
    without = names.NAMED.pattern.replace(f"(?P<{kind}>", f"(?P<{kind}>(?!)", 1)
    monkeypatch.setattr(names, "NAMED", re.compile(without, names.NAMED.flags))
    assert not all(list(LEXICON.foreign(text)) for text in FOREIGN.values())


@pytest.mark.parametrize("pattern", ["_QUOTED", "_PERSON"])
def test_no_pattern_of_its_own_is_idle(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, pattern, re.compile("(?!)"))
    assert not all(list(LEXICON.foreign(text)) for text in FOREIGN.values())


@pytest.mark.parametrize(
    "text",
    [
        *(fact.text for fact in RECORD.records.facts),
        RECORD.records.intake_text or "",
        RECORD.records.problem_summary or "",
    ],
)
def test_the_record_is_grounded_in_itself(text: str) -> None:
    assert list(LEXICON.foreign(text)) == []


def test_what_the_prompt_had_no_room_for_is_still_the_record() -> None:
    facts = [build.fact(f"Host LONG-{number:03} " + "x " * 400, fact_id=f"{number}") for number in range(200)]
    bundle = build.bundle(build.opened(), *facts)
    assert bundle.truncated
    assert "LONG-000" not in prompt.user_turn(bundle, "b")
    assert list(grounding.of_bundle(bundle).foreign("See LONG-000.")) == []


@given(st.text(max_size=200))
def test_any_text_is_grounded_in_itself_up_to_case(text: str) -> None:
    lexicon = Lexicon.of([text])
    assert list(lexicon.foreign(text)) == []


@given(st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    list(LEXICON.foreign(text))


def test_numbers_inside_names_and_versions_count_for_nothing_else() -> None:
    lexicon = Lexicon.of(["Version 8.6.5 at 00:1b:63:84:45:e6 on 2026-11-17T15:20:00Z, 4128-byte jobs, 38ms, 07:10."])
    assert {"17", "2026", "4128", "38"} <= lexicon.integers
    assert not {"6", "84", "45", "63"} & lexicon.integers


@pytest.mark.parametrize("unit", quantities._UNITS)
def test_every_unit_is_known_by_a_spelling_and_told_from_all_others(unit: str) -> None:
    written = {
        each: pattern.split("|")[0].replace("?", "").replace("\\s", " ") for each, pattern in quantities._UNITS.items()
    }
    said = f"It took 17 {written[unit]} there."
    assert list(Lexicon.of([said]).foreign(said)) == []
    for other, spelling in written.items():
        if other != unit:
            assert list(Lexicon.of([f"It took 17 {spelling} there."]).foreign(said)), other


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("two hours", "2 hours"),
        ("2 hours", "two hours"),
        ("a 10-minute wait", "10 minutes"),
        ("5 to 10 minutes", "5 minutes"),
        ("5 to 10 minutes", "5-10 min"),
        ("1,024 MB", "1024 MB"),
        ("timeout_seconds=30", "30 seconds"),
        ("05 GB", "5 GB"),
        ("99 %", "99 percent"),
    ],
)
def test_a_quantity_may_be_spelled_otherwise(record: str, said: str) -> None:
    assert list(Lexicon.of([f"It is {record} there."]).foreign(f"It is {said} there.")) == []


@pytest.mark.parametrize("anchor", ["a.", "a-", "a_", "a+", "a@", "1.", "1,", "A-", "ab:", "Get-", "a=", "[REDACTED:"])
def test_nothing_makes_it_slow(anchor: str) -> None:
    """A ticket's author can shape the answer: a pattern that backtracks over it would take minutes."""
    began = time.process_time()
    list(names.within(anchor * (6_000 // len(anchor))))
    assert time.process_time() - began < 1.5
