"""Drafts on trial, through the real SDK against a loopback model: every way to end, every attack, every session."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from consumer.adapters.anthropic.messages import Anthropic
from consumer.adapters.journal import Journal
from consumer.adapters.transport import http_transport
from consumer.domain.events import RequestKey
from consumer.domain.language.de import GERMAN as IN_GERMAN
from consumer.domain.package import package
from consumer.domain.package.package import Note, Revision, Sender
from consumer.domain.reader import versions
from consumer.domain.request.work import TenantPolicy
from consumer.domain.review import shape
from consumer.domain.review.verdicts import Checked, CheckStanding
from consumer.domain.writing import prompt
from consumer.flows.drafting import trial
from consumer.flows.drafting.calls import pace
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.drafting.model import Model, ModelAway, ModelLocked
from consumer.flows.drafting.trial import Trial, TrialDrafter
from schemas.packages import Cause, PackageStatus, Provenance
from schemas.topics import Topics
from tests.domain import answers as written
from tests.domain import german, recorded
from tests.domain.answers import keep
from tests.domain.attacks import ATTACKS, FORBIDDEN
from tests.domain.rendering.test_markdown import assert_harmless
from tests.domain.review.test_gate import attacked
from tests.support import answers, build, model_server
from tests.support.model_server import Behaviour, Menu, ModelServer, Received, Reply

MODEL, OTHER_MODEL = "claude-sonnet-5-5", "claude-sonnet-5"
SESSIONS = dict(recorded.sessions())


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(answers.structured) as started:
        yield started


@pytest.fixture
def model(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """The server as if nobody had asked it yet."""
    monkeypatch.setattr(pace, "RETRY_SECONDS", (0.0, 0.01))
    server.always(None)
    server.forget()
    return server


@pytest.fixture
async def door(model: ModelServer) -> AsyncIterator[Anthropic]:
    made = Anthropic(model.access, attempt_seconds=5.0, transport=http_transport(concurrency=4))
    yield made
    await made.close()


@pytest.fixture
def bench(door: Anthropic) -> TrialDrafter:
    return trial_drafter(door)


def trial_drafter(model: Model, *, name: str = MODEL, other_name: str | None = OTHER_MODEL) -> TrialDrafter:
    choice = ModelChoice(name=name, other_name=other_name, max_tokens=1400)
    return TrialDrafter(
        model=model, choice=choice, pace=pace.Pace(places=8, shared=None, clock=time.monotonic), clock=time.monotonic
    )


def event(tried: Trial) -> str:
    """The event that would be published, as JSON."""
    made = package.ready(
        Sender(topics=Topics(), source="/test"),
        Note(key=RequestKey("default", "session-1", "request-1"), requested_state_version=None, ticket=None),
        Revision(number=1, cause=Cause.REQUEST, replay_id=None, supersedes=None, previous_ticket=None, state_version=1),
        tried.rendered,
        references={},
        status=tried.status,
        from_cache=False,
        provenance=Provenance(
            bundle_sha256=tried.bundle.sha256,
            event_count=1,
            prompt_version=versions.PROMPTS,
            model=tried.model,
            drafted_at=build.minute(1),
            attempts=tried.calls,
            usage=tried.usage,
        ),
        redactions=0,
        warnings=tried.warnings,
        policy=TenantPolicy(),
        at=build.minute(1),
    )
    return made.ready.model_dump_json()


def assert_true(tried: Trial, model: ModelServer) -> None:
    """Asserts a valid package, and a true report of how it was made."""
    assert list(shape.check(tried.bundle, tried.rendered)) == []
    assert_harmless(tried.rendered)
    assert tried.calls == model.calls
    assert (tried.status is PackageStatus.READY) == (tried.model is not None)
    assert all(verdict.standing is CheckStanding.KEPT for verdict in tried.verdicts if verdict.of is Checked.PACKAGE)
    rejected = any(verdict.standing is CheckStanding.BROKEN for verdict in tried.verdicts)
    assert not (rejected and tried.model)
    assert rejected == ("draft_rejected" in tried.warnings)
    named = {word for word in tried.warnings if word.startswith("violated:")}
    assert named == {f"violated:{verdict.check}:{verdict.times}" for verdict in tried.verdicts if verdict.times}


# every way to end


def _says(text: str, **changes: Any) -> Callable[[ModelServer], Behaviour]:
    return lambda server: Menu(server).says(text, **changes)


def _menu(name: str, *arguments: Any) -> Callable[[ModelServer], Behaviour]:
    return lambda server: getattr(Menu(server), name)(*arguments)


def _stops(reason: str | None) -> Callable[[ModelServer], Behaviour]:
    """A good answer whose stop reason alone makes it unusable."""
    return _says(written.text(), stop_reason=reason)


GERMAN = json.dumps(
    written.good()
    | {
        "problem": {
            "text": "Seit Montag wurde Outlook nach dem Kennwort gefragt und es ist nicht gut.",
            "records": ["P1"],
        }
    }
)
UNUSABLE: dict[str, Callable[[ModelServer], Behaviour]] = {
    **{reason: _stops(reason) for reason in ("max_tokens", "model_context_window_exceeded", "tool_use", "pause_turn")},
    **{str(reason): _stops(reason) for reason in ("stop_sequence", "a_reason_of_next_year")},
    "cut in the middle": _menu("cut"),
    "empty": _menu("empty"),
    "blank": _says("  \n"),
    "garbage": _says("lorem ipsum dolor " * 50),
    "HTML as text": _says("<html><body><h2>Problem</h2></body></html>"),
    "another language": _says(GERMAN),
    "JSON of another shape": _says(json.dumps({"summary": "fine"})),
    "JSON with a field of another type": _says(json.dumps(written.good() | {"next_steps": "restart it"})),
    "half of the JSON": _says(written.text()[:300]),
    "four sections": _says(written.SECTIONS.partition("## Suggested")[0]),
    "far too long": _says(written.text() + " " * 30_000 + "x"),
}


async def test_an_answer_that_cannot_be_used_is_repaired_once(model: ModelServer, bench: TrialDrafter) -> None:
    for name, spoiled in UNUSABLE.items():
        model.forget()
        model.always(lambda received: model.message(received, written.text()))
        model.script(spoiled(model))
        tried = await bench.try_out(written.session(), keep)
        assert_true(tried, model)
        assert (tried.status, tried.model, tried.calls) == (PackageStatus.READY, MODEL, 2), name
        assert (tried.warnings[0], len(tried.warnings)) == ("repaired", 2), name
        assert tried.usage.input_tokens == sum(len(request.user_text) // 4 for request in model.requests), name


async def test_an_answer_that_stays_unusable_ends_in_the_rules_draft(model: ModelServer, bench: TrialDrafter) -> None:
    for name, spoiled in UNUSABLE.items():
        model.forget()
        model.always(spoiled(model))
        tried = await bench.try_out(written.session(), keep)
        assert_true(tried, model)
        assert (tried.status, tried.model, tried.calls) == (PackageStatus.FALLBACK, None, 2), name
        assert tried.warnings[0] == "draft_rejected", name
        assert {request.model for request in model.requests} == {MODEL}, name


async def test_a_whole_answer_without_a_stop_reason_is_read(model: ModelServer, bench: TrialDrafter) -> None:
    model.always(_stops(None)(model))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert (tried.status, tried.calls, tried.warnings) == (PackageStatus.READY, 1, ())


@pytest.mark.parametrize("name", ["thinking_first", "unknown_block"])
async def test_blocks_that_are_no_text_are_passed_over(name: str, model: ModelServer, bench: TrialDrafter) -> None:
    model.always(getattr(Menu(model), name)())
    tried = await bench.try_out(build.bundle(build.opened(), build.fact()), keep)
    assert_true(tried, model)
    assert (tried.status, tried.calls, tried.warnings) == (PackageStatus.READY, 1, ())


async def test_five_sections_are_taken(model: ModelServer, bench: TrialDrafter) -> None:
    model.always(_says(written.SECTIONS)(model))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert (tried.status, tried.warnings) == (PackageStatus.READY, ())


@pytest.mark.parametrize("text", [None, "I can't help with that, and"])
async def test_a_refusal_asks_the_other_model_in_the_repairs_place(
    text: str | None, model: ModelServer, bench: TrialDrafter
) -> None:
    model.script(Menu(model).refusal(text), _says("{}")(model))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert [request.model for request in model.requests] == [MODEL, OTHER_MODEL]
    assert not any(request.is_repair for request in model.requests)
    assert (tried.status, tried.warnings[0]) == (PackageStatus.FALLBACK, "draft_rejected")


async def test_what_the_other_model_says_is_published_as_its_own(model: ModelServer, bench: TrialDrafter) -> None:
    model.script(Menu(model).refusal())
    tried = await bench.try_out(build.bundle(build.opened(), build.fact()), keep)
    assert_true(tried, model)
    assert (tried.status, tried.model, tried.warnings) == (PackageStatus.READY, OTHER_MODEL, ())


@pytest.mark.parametrize("at", [1, 2])
async def test_a_refusal_for_good_ends_in_the_rules_draft(at: int, model: ModelServer, bench: TrialDrafter) -> None:
    """After a refused repair no other model is asked."""
    model.always(Menu(model).refusal("No, and"))
    model.script(*[_says("{}")(model)] * (at - 1))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert (tried.calls, tried.status, tried.warnings[0]) == (2, PackageStatus.FALLBACK, "model_refused")
    assert "No, and" not in tried.rendered.markdown


@pytest.mark.parametrize("fault", [model_server.error(529), model_server.reset(), model_server.html()])
async def test_a_call_that_fails_is_tried_again_once(fault: Behaviour, model: ModelServer, bench: TrialDrafter) -> None:
    model.script(fault)
    tried = await bench.try_out(build.bundle(build.opened(), build.fact()), keep)
    assert_true(tried, model)
    assert (tried.status, tried.calls) == (PackageStatus.READY, 2)
    model.forget()
    model.always(fault)
    with pytest.raises(ModelAway):
        await bench.try_out(build.bundle(build.opened(), build.fact()), keep)
    assert model.calls == 2


async def test_a_locked_model_is_said_and_a_prompt_that_is_not_taken_is_drafted_by_rules(
    model: ModelServer, bench: TrialDrafter
) -> None:
    model.always(model_server.error(401))
    with pytest.raises(ModelLocked):
        await bench.try_out(written.session(), keep)
    model.forget()
    model.always(model_server.error(413))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert (tried.calls, tried.status, tried.warnings) == (1, PackageStatus.FALLBACK, ("model_refused",))


async def test_a_lock_of_the_other_model_says_nothing_of_this_one(model: ModelServer, bench: TrialDrafter) -> None:
    model.script(Menu(model).refusal(), model_server.error(404))
    tried = await bench.try_out(written.session(), keep)
    assert (tried.calls, tried.status, tried.warnings) == (2, PackageStatus.FALLBACK, ("model_refused",))


# a statement that falls out


async def test_a_statement_that_breaks_a_rule_twice_falls_out_and_is_named(
    model: ModelServer, bench: TrialDrafter
) -> None:
    model.always(_says(written.with_step("Log on to EVIL-SRV01, then to EVIL-SRV02."))(model))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert tried.warnings == ("repaired", "statements_removed", "violated:foreign:4")
    assert "EVIL" not in event(tried)
    (foreign,) = (verdict for verdict in tried.verdicts if verdict.check == "foreign")
    assert foreign.standing is CheckStanding.REMOVED
    assert "EVIL-SRV02" in " ".join(foreign.details)
    complaint = str(model.requests[1].body["messages"][-1]["content"])
    assert 'next_steps[2]: names what no record holds: "EVIL-SRV01"' in complaint


async def test_a_rule_that_the_repair_keeps_is_mended(model: ModelServer, bench: TrialDrafter) -> None:
    model.always(lambda received: model.message(received, written.text()))
    model.script(_says(written.with_step("Look at EXCH-NEW as well."))(model))
    tried = await bench.try_out(written.session(), keep)
    assert_true(tried, model)
    assert tried.warnings == ("repaired", "violated:foreign:1")
    assert {v.check for v in tried.verdicts if v.standing is CheckStanding.MENDED} == {"foreign"}


# every session, every attack


async def test_every_session_is_asked_for_under_the_same_instructions(model: ModelServer, bench: TrialDrafter) -> None:
    """The same bytes go over the wire: the cache depends on it."""
    for bundle in SESSIONS.values():
        tried = await bench.try_out(bundle, keep)
        assert list(shape.check(bundle, tried.rendered)) == []
    assert model.calls >= len(SESSIONS) > 60
    assert {json.dumps(request.body["system"]) for request in model.requests} == {
        json.dumps([{"type": "text", "text": prompt.SYSTEM, "cache_control": {"type": "ephemeral"}}])
    }
    assert {request.body["max_tokens"] for request in model.requests} == {1400}
    boundaries = {request.user_text.partition("\n")[0] for request in model.requests if not request.is_repair}
    assert len(boundaries) == sum(not request.is_repair for request in model.requests)


async def test_german_is_asked_for_under_the_same_instructions_and_published(
    model: ModelServer, bench: TrialDrafter
) -> None:
    for name, bundle in recorded.sessions("01", "02", "03", "05", "proposed-low-mail", "success", language=IN_GERMAN):
        tried = await bench.try_out(bundle, keep)
        assert list(shape.check(bundle, tried.rendered)) == []
        assert (tried.status, tried.rendered.language, tried.warnings) == (PackageStatus.READY, "de", ()), name
        problem, *_, steps = (section.markdown for section in tried.rendered.sections)
        assert problem == "Ein Problem wurde gemeldet und an den nächsten Techniker eskaliert."
        assert "prüfen, was noch offen ist" in steps
    assert model.calls > 8
    assert {request.body["system"][0]["text"] for request in model.requests} == {prompt.SYSTEM}


async def test_an_english_answer_is_sent_back_for_german_once(model: ModelServer, bench: TrialDrafter) -> None:
    said = [written.text(), german.text()]
    model.always(lambda received: model.message(received, said[min(model.calls, 2) - 1]))
    tried = await bench.try_out(german.session(), keep)
    assert_true(tried, model)
    assert (tried.status, tried.warnings) == (PackageStatus.READY, ("repaired", "violated:language:1"))
    assert "the answer is not in German" in json.dumps(model.requests[-1].body["messages"])
    model.forget()
    model.always(lambda received: model.message(received, written.text()))
    refused = await bench.try_out(german.session(), keep)
    assert_true(refused, model)
    assert (refused.status, refused.rendered.language) == (PackageStatus.FALLBACK, "de")


async def test_a_model_that_obeys_reaches_nobody(model: ModelServer, bench: TrialDrafter) -> None:
    """It obeys at the repair too; the event holds nothing that the attack asked for."""
    assert len(ATTACKS) >= 60
    for attack in ATTACKS:
        bundle = attacked(attack)
        model.forget()
        model.always(_says(attack.answer)(model))
        tried = await bench.try_out(bundle, keep)
        assert_true(tried, model)
        published, by_rules = event(tried), event(trial.try_rules(bundle, keep))
        for forbidden in FORBIDDEN:
            assert forbidden not in published or forbidden in by_rules, (attack.name, forbidden)
        hypothesis = tried.rendered.sections[3].markdown
        assert hypothesis.startswith('"Remove the stale record" is recorded as in place but not yet confirmed'), (
            attack.name
        )


# rules


def test_a_rules_draft_breaks_no_check() -> None:
    for name, bundle in SESSIONS.items():
        tried = trial.try_rules(bundle, keep)
        assert tried.broken == (), name
        assert (tried.calls, tried.dollars, tried.model) == (0, 0.0, None)


# price


async def test_the_price_is_that_of_every_answer(model: ModelServer, bench: TrialDrafter) -> None:
    def answer(received: Received) -> Reply:
        usage = {"input_tokens": 1_000, "output_tokens": 500, "cache_read_input_tokens": 2_000,
                 "cache_creation_input_tokens": 4_000}  # fmt: skip
        return model.message(received, "{}" if model.calls == 1 else written.text(), usage=usage)

    model.always(answer)
    tried = await bench.try_out(written.session(), keep)
    once = (1_000 + 2_000 * 0.05 + 5_000) * 2 / 1e6 + 500 * 10 / 1e6
    assert tried.dollars == pytest.approx(2 * once)


async def test_an_unknown_model_has_no_price(door: Anthropic) -> None:
    bench = trial_drafter(door, name="house-model", other_name=None)
    assert (await bench.try_out(build.bundle(build.opened(), build.fact()), keep)).dollars is None


# what was paid for


async def test_what_was_answered_is_not_paid_for_again(model: ModelServer, door: Anthropic, tmp_path: Any) -> None:
    def at(**options: bool) -> TrialDrafter:
        journal = Journal(tmp_path / "deep" / "answers.jsonl", door, **options)
        return trial_drafter(journal)

    model.always(lambda received: model.message(received, written.text()))
    model.script(_says("{}")(model))
    first = await at().try_out(written.session(), keep)
    assert (model.calls, first.calls) == (2, 2)
    again = await at().try_out(written.session(), keep)
    assert (model.calls, again.calls, again.usage, again.dollars) == (2, 2, first.usage, first.dollars)
    assert again.rendered == first.rendered
    assert (tmp_path / "deep" / "answers.jsonl").stat().st_mode & 0o777 == 0o600
    await at().try_out(written.session(status="applied_success"), keep)
    assert model.calls > 2, "another bundle is another question"
    before = model.calls
    await at(fresh=True).try_out(written.session(), keep)
    assert model.calls == before + 1


async def test_a_line_that_a_kill_cut_off_is_asked_for_again(
    model: ModelServer, door: Anthropic, tmp_path: Any
) -> None:
    path = tmp_path / "answers.jsonl"
    bundles = [build.bundle(build.opened(title=f"Printer\u2028{n}"), build.fact()) for n in range(2)]

    async def run() -> None:
        bench = trial_drafter(Journal(path, door), other_name=None)
        for bundle in bundles:
            await bench.try_out(bundle, keep)

    await run()
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    model.forget()
    await run()
    assert model.calls == 1
    model.forget()
    await run()
    assert model.calls == 0
