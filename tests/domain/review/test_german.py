"""The gate in German: honest statements stand, and what is certainly untrue is refused as in English."""

import json
from dataclasses import replace
from typing import Any

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.review import checks, gate, grounding, shape, spellings
from consumer.domain.review.gate import Accepted, Rejected, Reviewed
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef
from schemas.packages import SectionKey
from tests.domain import answers, german, recorded
from tests.domain.answers import keep
from tests.domain.rendering.test_markdown import assert_harmless, body, bullets
from tests.support import build

MORE = (
    build.check(r"The share \\HBR-FS01\scans holds 56.3 GB in 12,418 files; SCAN-02 has firmware 3.02.", fact_id="a"),
    build.fact("Mrs Wendt saw error 5 on Tuesday 3 March at 2 pm on till 4.", fact_id="b", source_type="user_report"),
    build.check("Auftrag HBR-FS01-Nacht lief zuletzt am 05.06. mit Treiber 4.096.", fact_id="d"),
    build.check("VLAN 140 carries 85% load for 2.5 hours after the update; the job of 3 December ran.", fact_id="c"),
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return german.session(*MORE)


def refused(answer: str, bundle: Bundle) -> set[Rule]:
    return {violation.rule for violation in gate.review(answer, bundle, scan=keep).violations}


@pytest.mark.parametrize("answer", [german.text(), german.SECTIONS], ids=["json", "sections"])
def test_a_good_answer_is_taken_as_it_is(answer: str) -> None:
    bundle = german.session()
    reviewed = gate.review(answer, bundle, scan=keep)
    assert [str(each) for each in reviewed.violations] == []
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    assert accepted.left_out == ()
    assert_harmless(accepted.rendered)
    assert body(accepted.rendered, SectionKey.PROBLEM).startswith("Seit Montag fragte Outlook")
    assert "Bestätigung steht aus" in body(accepted.rendered, SectionKey.TRIED)
    assert "alles ist gelöst" not in accepted.rendered.markdown
    assert body(accepted.rendered, SectionKey.HYPOTHESIS).startswith(
        "„Remove the stale autodiscover record“ ist als umgesetzt vermerkt, aber noch nicht bestätigt; gewartet"
        " wird auf: Dana signs"
    )


def test_the_model_has_the_first_step_where_it_names_what_is_awaited() -> None:
    bundle = german.session()
    reviewed = gate.review(german.text(), bundle, scan=keep)
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    first, *_ = bullets(accepted.rendered, SectionKey.NEXT_STEPS)
    assert first == german.good()["next_steps"][0]["text"]


def test_small_words_in_common_name_nothing() -> None:
    bundle = german.session(pending_reason="die Rückmeldung der Werkstatt bis zum Freitag")
    answer = german.good()
    answer["next_steps"][0]["text"] = "Prüfen, ob die Maßnahme der Kollegen bis zum Montag hilft."
    reviewed = gate.review(german.text(answer), bundle, scan=keep)
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    first, *_ = bullets(accepted.rendered, SectionKey.NEXT_STEPS)
    assert first.endswith("gewartet wird auf: die Rückmeldung der Werkstatt bis zum Freitag.")


HONEST = [
    "Die Freigabe auf HBR-FS01 mit 56,3 GB und 12.418 Dateien von einem anderen Gerät aus öffnen.",
    "Am Dienstag, 3. März, um 14 Uhr trat bei Frau Wendt Fehler 5 an Kasse 4 auf; den Ablauf dort nachstellen.",
    "Am 03.12. und am 03.03.2026 lief es; die Protokolle beider Tage vergleichen.",
    "Schritt 2: Mit Frau Wendt Termin abstimmen und die HBR-FS01-Freigabe prüfen.",
    "Nach dem Update Anfang März die Last auf VLAN 140 (85 %, 2,5 Stunden) messen.",
    "Den Backup-Lauf und die Test-Verbindung vor dem Update-Fenster prüfen.",
    "Die Firmware 3.02 auf SCAN-02 bestätigen, ggf. mit dem Hersteller, z. B. per E-Mail-Konto.",
    "Die Konfigurationsdateien und -protokolle auf ACC-WS-04 sichern.",
    "Den Eintrag „autodiscover.example.com“ auf einem anderen Rechner auflösen.",
    "Das M365-Konto und den Outlook-16.0.17830-Stand vergleichen.",
    "Um 22:30 Uhr bzw. um 16.00 Uhr noch einmal anmelden.",
    "Das Ergebnis an den Manager Netzwerk und den User Support melden.",
    "Falls das Problem behoben ist, bleiben die anderen Namen noch zu prüfen.",
]


@pytest.mark.parametrize("step", HONEST)
def test_what_may_be_true_is_not_refused(step: str, bundle: Bundle) -> None:
    assert refused(german.with_step(step), bundle) == set()


INVENTED = [
    "Die Freigabe auf HBR-FS02 von einem anderen Gerät aus öffnen.",
    "Die HBR-FS02-Freigabe von einem anderen Gerät aus öffnen.",
    "Auf der Freigabe 57,3 GB prüfen und vergleichen.",
    "Alle 12.419 Dateien auf der Freigabe zählen.",
    "Am 23. April noch einmal nachsehen.",
    "Am 23.04. noch einmal nachsehen.",
    "Die Sicherung vom 24.04.2026 noch einmal ansehen.",
    "Um 17 Uhr noch einmal mit Dana anmelden.",
    "Um 17.30 Uhr noch einmal mit Dana anmelden.",
    "Mit Frau Berger Termin abstimmen.",
    "Den Fehler 6 an der Kasse nachstellen.",
    "Die Firmware 3.03 auf SCAN-02 installieren.",
    "Auf SCAN-02 läuft Firmware 12.03. Das ist zu prüfen.",
    "Dann Restart-Service auf dem Server ausführen.",
    "Get-ADUser für alle Anwender ausführen.",
    "Den Befehl ipconfig auf ACC-WS-04 ausführen.",
    "Port 8443 in der Firewall prüfen.",
    "Die Last von 95 % noch einmal messen.",
    "Nach 3,5 Stunden noch einmal nachsehen.",
    "Auf Version 16.0.17831 prüfen.",
    "Auf VLAN 141 die Last messen.",
    "Die Adresse 10.1.4.21 prüfen.",
    "KB5068861 deinstallieren und neu starten.",
]


@pytest.mark.parametrize("step", INVENTED)
def test_what_no_record_holds_is_refused(step: str, bundle: Bundle) -> None:
    assert refused(german.with_step(step), bundle) == {Rule.FOREIGN}


def test_what_is_invented_leaves_and_the_rest_stays(bundle: Bundle) -> None:
    reviewed = gate.review(german.with_step("Die Firmware 3.03 auf SCAN-02 installieren."), bundle, scan=keep)
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    assert len(bullets(accepted.rendered, SectionKey.NEXT_STEPS)) == 2
    assert "3.03" not in accepted.rendered.markdown
    assert list(shape.check(bundle, accepted.rendered)) == []


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (Rule.OUTCOME, "Bestätigung steht aus", "behoben"),
        (Rule.OUTCOME, "hat das Problem nicht gelöst. Grund", "hat geholfen. Grund"),
        (Rule.OUTCOME, "aber noch nicht bestätigt", "und bestätigt"),
        (Rule.UNREADABLE, "## Was bestätigt ist", "## What we've confirmed"),
    ],
)
def test_a_package_that_breaks_its_promise_is_seen(rule: Rule, before: str, after: str, bundle: Bundle) -> None:
    sound = gate.by_rules(bundle).rendered
    assert before in sound.markdown
    changed = tuple(
        section.model_copy(update={"markdown": section.markdown.replace(before, after)}) for section in sound.sections
    )
    spoiled = replace(sound, markdown=sound.markdown.replace(before, after), sections=changed)
    assert rule in {violation.rule for violation in shape.check(bundle, spoiled)}


def test_a_table_that_claims_more_than_a_status_is_seen() -> None:
    surer = replace(GERMAN, lead_pending="{title} hat geholfen: {waiting}")
    bundle = build.bundle(*answers.events(), language=surer)
    assert {violation.rule for violation in shape.check(bundle, gate.by_rules(bundle).rendered)} == {Rule.OUTCOME}


def test_the_fixed_sentences_are_those_of_the_language() -> None:
    empty = build.bundle(build.opened(title=None), language=GERMAN)
    assert list(shape.check(empty, gate.by_rules(empty).rendered)) == []
    in_english = gate.by_rules(build.bundle(build.opened(title=None))).rendered
    assert {violation.rule for violation in shape.check(empty, in_english)} == {Rule.UNREADABLE, Rule.EMPTY}


BROKEN: list[tuple[Rule, str]] = [
    (Rule.LANGUAGE, answers.text()),
    (Rule.LANGUAGE, german.with_text("hypothesis", "It is the name that was on the old server, and this is all.")),
    (Rule.LANGUAGE, german.text(german.good() | {"confirmed": [{"record": "F2", "text": "The name is on the old server"
                                                                " that is not in use by all of the users."}]})),
    (Rule.UNREADABLE, german.SECTIONS.replace("## Aktuelle Hypothese", "## Hypothese")),
    (Rule.OUTCOME, german.with_text("hypothesis", "Das Problem ist gelöst.")),
    (Rule.OUTCOME, german.with_text("hypothesis", "Die Störung wurde inzwischen vollständig behoben.")),
    (Rule.OUTCOME, german.with_text("problem", "Alles ist jetzt erledigt und bestätigt.")),
    (Rule.OUTCOME, german.with_text("hypothesis", "The issue was resolved.")),
    (Rule.SELF, german.with_step("Als KI-Modell ist hier keine weitere Prüfung möglich.")),
    (Rule.SELF, german.with_step("Dazu kann dieses Sprachmodell nichts sagen.")),
    (Rule.SELF, german.with_step("Das Ergebnis abwarten, denn ich kann es nicht sehen.")),
    (Rule.PLACEHOLDER, german.with_step("Mit [Name einfügen] einen Termin abstimmen.")),
    (Rule.PLACEHOLDER, german.with_step("Am {Datum der Wartung} noch einmal nachsehen.")),
    (Rule.PLACEHOLDER, german.with_step("Am {Datum der Wartung, etwa 23.04.2031} noch einmal nachsehen.")),
    (Rule.MARKUP, german.with_step("Die Anwender <b>heute</b> fragen.")),
    (Rule.LINK, german.with_step("Auf https://evil.example/x nachsehen, was zu tun ist.")),
    (Rule.RECORD_ID, german.with_step("Mit F2 auf einem anderen Rechner vergleichen.")),
    (Rule.EMPTY, german.with_step("Neu starten.")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "answer"), BROKEN)
def test_an_answer_that_breaks_one_rule_is_refused_for_it_alone(rule: Rule, answer: str, bundle: Bundle) -> None:
    if rule is Rule.MARKUP:
        assert rule in refused(answer, bundle)
    else:
        assert refused(answer, bundle) == {rule}


def test_an_english_answer_says_what_is_wanted(bundle: Bundle) -> None:
    verdict = gate.review(answers.text(), bundle, scan=keep)
    assert isinstance(verdict, Rejected)
    assert [str(violation) for violation in verdict.violations] == ["the answer is not in German"]


def test_a_german_answer_is_none_of_an_english_package() -> None:
    assert refused(german.text(), answers.session()) == {Rule.LANGUAGE}


def test_a_verified_fix_may_be_called_the_end() -> None:
    bundle = german.session(status="applied_success")
    assert refused(german.with_text("hypothesis", "Das Problem ist gelöst."), bundle) == set()


def test_the_sentence_for_no_hypothesis_is_taken_out() -> None:
    for language in (GERMAN, ENGLISH):
        answer = german.with_text("hypothesis", language.no_hypothesis)
        reviewed = gate.review(answer, german.session(), scan=keep)
        assert isinstance(reviewed, Reviewed)
        assert reviewed.draft.hypothesis.text == ""


@pytest.mark.parametrize("headings", [GERMAN.headings, ENGLISH.headings], ids=["de", "en"])
def test_five_sections_are_read_under_either_headings(headings: dict[SectionKey, str]) -> None:
    answer = german.SECTIONS
    for key, heading in GERMAN.headings.items():
        answer = answer.replace(f"## {heading}\n", f"## {headings[key]}\n")
    reviewed = gate.review(answer, german.session(), scan=keep)
    assert isinstance(reviewed, Reviewed)
    assert reviewed.draft.hypothesis.text == "Der Name zeigte noch auf den abgeschalteten Server."


def test_ids_in_brackets_are_mended() -> None:
    answer = german.with_step("Klären, wer EXCH-OLD abgeschaltet hat (F3 und X2).")
    reviewed = gate.review(answer, german.session(), scan=keep)
    assert isinstance(reviewed, Reviewed)
    assert reviewed.draft.next_steps[2].text == "Klären, wer EXCH-OLD abgeschaltet hat."


SPELT: list[tuple[str, str]] = [
    ("am 3. März um 9 Uhr", "am 3 March um 9:00"),
    ("um 9.12 Uhr", "um 9:12"),
    ("12.419 Dateien, 2,7 GB", "12419 Dateien, 2.7 GB"),
    ("12.418 Dateien, 56.3 GB", "12418 Dateien, 56.3 GB"),
    ("es sind 12.418. Aber 2,5, nicht 3,5.", "es sind 12418. aber 2.5, nicht 3.5."),
    ("10.20.30.40 und 192.168.100.200", "10.20.30.40 und 192.168.100.200"),
    ("Firmware 3.02.", "Firmware 3.02."),
    ("am 05.06. mit Treiber 4.096", "am 05.06. mit Treiber 4.096"),
    ("am 05.07. mit Treiber 4.097", "am 05 July mit Treiber 4097"),
    ("HBR-FS01-Nacht und HBR-FS01-Tag", "HBR-FS01-Nacht und HBR-FS01 Tag"),
    ("die HBR-FS01-Freigabe", "die HBR-FS01 Freigabe"),
    ("„die HBR-FS01-Freigabe am 3. März“", "„die HBR-FS01-Freigabe am 3. März“"),
    ("Restart-Service und Get-ADUser", "Restart-Service und Get-ADUser"),
    ("Dateien und -protokolle", "Dateien und protokolle"),
    ("Frau Wendt Bescheid geben", "Mrs Wendt  Bescheid geben"),
    ("Kasse 2 und Schritt 3", "kasse 2 und step 3"),
    ("Till 2", "Till 2"),
]


@pytest.mark.parametrize(("written", "recorded"), SPELT)
def test_a_spelling_becomes_the_one_of_the_records(written: str, recorded: str, bundle: Bundle) -> None:
    lexicon = grounding.of_bundle(bundle)
    assert spellings.as_recorded(written, GERMAN.spelling, lexicon) == recorded
    assert spellings.as_recorded(written, ENGLISH.spelling, lexicon) == written


def test_a_note_and_a_wording_stand_in_german() -> None:
    bundle = german.session()
    answer: dict[str, Any] = german.good() | {"notes": [{"record": "S1", "text": "Es lief auf ACC-WS-04 durch."}]}
    reviewed = gate.review(json.dumps(answer), bundle, scan=keep)
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    assert "Anmerkung: Es lief auf ACC-WS-04 durch." in body(accepted.rendered, SectionKey.TRIED)
    assert bullets(accepted.rendered, SectionKey.CONFIRMED)[1] == german.good()["confirmed"][0]["text"]


OF_SESSIONS = {
    "01": (
        "Sechs von 31 Anwendern sind seit Samstag, 14. November, betroffen (Version 2409, Build 18025.20160).",
        "Auf LJ-WS-014 zeigt der AutoConfiguration-Test auf autodiscover.oldgroup.example.",
        "Vor dem Ausschreibungstermin um 11 Uhr müssen sechs Arbeitsplätze Mail haben.",
    ),
    "02": (
        "Mit den vier Heimanwendern nach 18 Uhr prüfen, ob pms01.brackenridge.example über VPN aufgelöst wird.",
        "Das VPN-Client-Profil enthielt vor dem Firmware-Upgrade am 12. November auch brackenridge.example.",
    ),
    "03": (
        "41 Einträge mit Ereignis-ID 372 seit Montag, 16. November, 07:10 Uhr mit dem Druckpfad vergleichen.",
        "Aufträge unter 4.096 Byte wurden nie abgeschnitten (0 von 60), der 4.128-Byte-Auftrag schon.",
        "Das Update KB5068861 vom Sonntag, 15. November, 23:40 Uhr als Ursache prüfen.",
    ),
    "04": (
        "Die Wiederherstellung der Disk 7 stand am 23. November um 06:30 Uhr bei 84 %.",
        "Lüfter 3 dreht mit 11.400 U/min, die anderen mit 7.200 U/min; der Merge dauerte 25 h 25 min.",
    ),
}
"""What a careful writer says of the demo's sessions."""


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, steps in OF_SESSIONS.items() for step in steps])
def test_what_is_said_of_a_recorded_session_is_not_refused(name: str, step: str) -> None:
    ((_, bundle),) = recorded.sessions(name, language=GERMAN)
    said = Said(place=StatementRef(Part.NEXT_STEPS), text=step, records=("P1",), cites=True)
    assert [str(each) for each in checks.statement(said, Evidence(bundle))] == []
