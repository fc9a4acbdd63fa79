"""The only adapter of the SDK: every call ends in an answer or in one of four faults."""

import asyncio
import inspect
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import anthropic
import httpx2
import pytest

from consumer.adapters.anthropic.faults import fault_of
from consumer.adapters.anthropic.messages import Anthropic
from consumer.adapters.transport import http_transport
from consumer.flows.drafting.model import (
    Answer,
    Call,
    Ending,
    FormRefused,
    ModelAway,
    ModelBusy,
    ModelFault,
    ModelLocked,
    PromptRefused,
    Turn,
)
from consumer.providers import ModelAccess
from schemas.packages import Usage
from tests.support import model_server
from tests.support.model_server import Behaviour, Menu, ModelServer

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}
SECRET_TEXT = "a bundle that must not be seen in a log"
CALL = Call(
    model="claude-sonnet-5-5",
    system="You write. " * 300,
    turns=(Turn(role="user", text=SECRET_TEXT),),
    answer_schema=SCHEMA,
    max_tokens=1400,
)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(lambda _: '{"x": "y"}') as started:
        yield started


@pytest.fixture
async def model(server: ModelServer) -> AsyncIterator[Anthropic]:
    made = Anthropic(server.access, attempt_seconds=30, transport=http_transport(concurrency=4))
    yield made
    await made.close()


async def fault(model: Anthropic) -> ModelFault:
    with pytest.raises((ModelAway, ModelLocked, PromptRefused, FormRefused)) as raised:
        await model.draft(CALL)
    assert isinstance(raised.value, ModelFault)
    return raised.value


async def test_the_call_is_the_one_the_api_wants(server: ModelServer, model: Anthropic) -> None:
    answer = await model.draft(CALL)
    assert (answer.text, answer.ending, answer.model) == ('{"x": "y"}', Ending.COMPLETE, "claude-sonnet-5-5")
    assert answer.request_id == "req_test"
    assert answer.usage.output_tokens > 0
    (request,) = server.requests
    assert request.body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1400,
        "thinking": {"type": "between_tools"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "system": [{"type": "text", "text": CALL.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": SECRET_TEXT}],
    }
    assert request.headers["x-stainless-retry-count"] == "0"


async def test_the_system_prompt_is_read_from_the_cache_the_second_time(model: Anthropic) -> None:
    first, second = [(await model.draft(CALL)).usage for _ in range(2)]
    assert first.cache_creation_input_tokens > 0 == first.cache_read_input_tokens
    assert second.cache_read_input_tokens > 0 == second.cache_creation_input_tokens


@pytest.mark.parametrize(
    ("name", "thinking", "tokens"),
    [
        ("claude-sonnet-5-5-20261001", {"type": "between_tools"}, 1400),
        ("claude-sonnet-5", {"type": "disabled"}, 1400),
        ("claude-haiku-5-5", {"type": "disabled"}, 1400),
        ("claude-opus-5-5", None, 4096),
        ("gateway/some-model", None, 4096),
    ],
)
async def test_each_model_gets_what_its_family_takes(
    server: ModelServer, model: Anthropic, name: str, thinking: dict[str, str] | None, tokens: int
) -> None:
    call = Call(model=name, system="s", turns=CALL.turns, answer_schema=SCHEMA, max_tokens=1400)
    await model.draft(call)
    body = server.requests[0].body
    assert (body.get("thinking"), body["max_tokens"]) == (thinking, tokens)


@pytest.mark.parametrize(
    ("behaviour", "kind", "retry_after"),
    [
        (model_server.error(429, retry_after="7"), ModelBusy, 7.0),
        (model_server.error(429, retry_after="3600"), ModelBusy, 3600.0),
        (model_server.error(429, retry_after="-1"), ModelBusy, None),
        (model_server.error(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), ModelBusy, None),
        (model_server.error(429), ModelBusy, None),
        (model_server.error(429, error_code="ramp_limit_exceeded"), ModelBusy, None),
        (model_server.spend_limit(), ModelLocked, None),
        (model_server.error(429, error_code="contract_spend_limit_reached"), ModelLocked, None),
        (model_server.error(400, error_code="self_set_spend_limit_reached"), ModelLocked, None),
        (model_server.error(401), ModelLocked, None),
        (model_server.error(402), ModelLocked, None),
        (model_server.error(403), ModelLocked, None),
        (model_server.error(404), ModelLocked, None),
        (model_server.error(408), ModelAway, None),
        (model_server.error(409), ModelAway, None),
        (model_server.error(500), ModelAway, None),
        (model_server.error(501), ModelAway, None),
        (model_server.error(503), ModelAway, None),
        (model_server.error(503, retry_after="5"), ModelBusy, 5.0),
        (model_server.error(529, retry_after="5"), ModelBusy, 5.0),
        (model_server.error(529), ModelAway, None),
        (model_server.error(400), PromptRefused, None),
        (model_server.error(400, message="Your credit balance is too low to access the API."), ModelLocked, None),
        (model_server.error(400, message="output_config: Extra inputs are not permitted"), FormRefused, None),
        (model_server.error(413), PromptRefused, None),
        (model_server.error(418), PromptRefused, None),
        (model_server.error(422), PromptRefused, None),
        (model_server.reset(), ModelAway, None),
        (model_server.html(), ModelAway, None),
        (model_server.broken_json(), ModelAway, None),
    ],
)
async def test_every_error_is_one_of_four(
    server: ModelServer,
    model: Anthropic,
    behaviour: Behaviour,
    kind: type[Exception],
    retry_after: float | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always(behaviour)
    raised = await fault(model)
    assert type(raised) is kind
    assert getattr(raised, "retry_after_seconds", None) == retry_after
    assert server.calls == 1, "the SDK must not retry by itself"
    assert SECRET_TEXT not in caplog.text + "".join(traceback.format_exception(raised))
    assert raised.__context__ is None, "the SDK's exception holds the prompt"


async def test_a_body_that_breaks_off_or_holds_other_json_is_no_answer(server: ModelServer, model: Anthropic) -> None:
    for behaviour in (Menu(server).half_a_body(), model_server.json_body({"error": "queue full"})):
        server.always(behaviour)
        assert type(await fault(model)) is ModelAway


async def test_an_answer_without_usage_is_an_answer(server: ModelServer, model: Anthropic) -> None:
    menu = Menu(server)
    for behaviour in (menu.without_usage(), menu.says('{"x": "y"}', usage=None)):
        server.always(behaviour)
        answer = await model.draft(CALL)
        assert (answer.ending, answer.usage) == (Ending.COMPLETE, Usage())


@pytest.mark.parametrize(
    ("text", "ending"), [('{"x": "y"}', Ending.COMPLETE), ('{"x": "y', Ending.UNEXPECTED), ("", Ending.UNEXPECTED)]
)
async def test_without_a_stop_reason_a_whole_answer_is_read(
    server: ModelServer, model: Anthropic, text: str, ending: Ending
) -> None:
    server.always(Menu(server).says(text, stop_reason=None))
    assert (await model.draft(CALL)).ending is ending


@pytest.mark.parametrize(
    "message",
    [
        "output_config: Extra inputs are not permitted",
        "Malformed input request: #: extraneous key [output_config] is not permitted, please reformat your input",
        "thinking.type: between_tools is not supported by this model",
        "Invalid schema: The compiled grammar is too large",
    ],
)
async def test_a_refused_form_is_told_once_and_the_plain_form_is_remembered(
    server: ModelServer, model: Anthropic, message: str
) -> None:
    server.always(model_server.only_plain_form(server, message))
    together = await asyncio.gather(*(model.draft(CALL) for _ in range(3)), return_exceptions=True)
    assert [type(refusal) for refusal in together] == [FormRefused] * 3
    for _ in range(2):
        assert (await model.draft(CALL)).ending is Ending.COMPLETE
    assert server.calls == 5
    assert '"x"' in server.requests[-1].body["system"], "the schema is in the prompt"


async def test_a_prompt_that_the_plain_form_does_not_save_is_refused(server: ModelServer, model: Anthropic) -> None:
    server.always(model_server.error(400, message="schema: no"))
    assert type(await fault(model)) is FormRefused
    assert type(await fault(model)) is PromptRefused


@pytest.mark.parametrize("spoil", ["hang", "trickle", "slow"])
async def test_an_attempt_ends_in_its_time_whatever_drips(server: ModelServer, spoil: str) -> None:
    menu = Menu(server)
    server.always({"hang": model_server.hang(), "trickle": menu.trickle(), "slow": menu.slow(60)}[spoil])
    model = Anthropic(server.access, attempt_seconds=2, transport=http_transport(concurrency=1))
    await model.warm_up()
    began = time.monotonic()
    assert type(await fault(model)) is ModelAway
    assert time.monotonic() - began < 10, "what drips does so for 30 s, the others say nothing for 60"
    server.always(None)
    assert (await model.draft(CALL)).ending is Ending.COMPLETE
    await model.close()


async def test_nobody_listens() -> None:
    model = Anthropic(
        ModelAccess(provider="anthropic", url="http://127.0.0.1:9", key="k"),
        attempt_seconds=30,
        transport=http_transport(concurrency=1),
    )
    assert type(await fault(model)) is ModelAway
    await model.close()


@pytest.mark.parametrize(
    ("spoil", "ending", "text"),
    [
        ("cut", Ending.CUT, '{"x":'[:5]),
        ("refusal", Ending.REFUSED, ""),
        ("refusal_with_text", Ending.REFUSED, ""),
        ("empty", Ending.EMPTY, ""),
        ("thinking_first", Ending.COMPLETE, '{"x": "y"}'),
        ("unknown_block", Ending.COMPLETE, '{"x": "y"}'),
        ("unknown_stop", Ending.UNEXPECTED, '{"x": "y"}'),
    ],
)
async def test_an_answer_says_how_it_ended(
    server: ModelServer, model: Anthropic, spoil: str, ending: Ending, text: str
) -> None:
    menu = Menu(server)
    spoilt = {
        "cut": menu.cut(),
        "refusal": menu.refusal(),
        "refusal_with_text": menu.refusal("I will not, but"),
        "empty": menu.empty(),
        "thinking_first": menu.thinking_first(),
        "unknown_block": menu.unknown_block(),
        "unknown_stop": menu.unknown_stop(),
    }
    server.always(spoilt[spoil])
    answer = await model.draft(CALL)
    assert (answer.ending, answer.text) == (ending, text)


async def test_a_wrong_key_is_not_retried_and_not_shown() -> None:
    with ModelServer(lambda _: "{}", api_key="right") as server:
        model = Anthropic(
            replace(server.access, key="wrong-key-value"), attempt_seconds=30, transport=http_transport(concurrency=1)
        )
        raised = await fault(model)
        assert type(raised) is ModelLocked
        assert "wrong-key-value" not in str(raised)
        await model.close()


async def test_a_cancelled_call_leaves_the_pool_usable(server: ModelServer, model: Anthropic) -> None:
    server.always(model_server.hang())
    calls = [asyncio.create_task(model.draft(CALL)) for _ in range(4)]
    await server.called(4)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    server.always(None)
    answers = await asyncio.gather(*(model.draft(CALL) for _ in range(4)))
    assert all(isinstance(answer, Answer) for answer in answers)


async def test_the_environment_does_not_decide(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "from-the-environment")
    model = Anthropic(server.access, attempt_seconds=30, transport=http_transport(concurrency=1))
    await model.draft(CALL)
    assert "from-the-environment" not in json.dumps(server.requests[0].headers)
    await model.close()


async def test_warming_up_touches_no_network(server: ModelServer, model: Anthropic) -> None:
    await model.warm_up()
    assert server.calls == 0


def _error_classes() -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(anthropic, inspect.isclass)
        if issubclass(kind, Exception) and not issubclass(kind, Warning)
    ]


def test_the_walk_over_the_sdk_finds_its_errors() -> None:
    assert {anthropic.RateLimitError, anthropic.APITimeoutError, anthropic.APIError} <= set(_error_classes())


_NOT_BY_STATUS = {
    anthropic.APIConnectionError: ModelAway,
    anthropic.APITimeoutError: ModelAway,
    anthropic.APIResponseValidationError: ModelAway,
    anthropic.APIWebhookValidationError: ModelAway,
    anthropic.APIError: ModelAway,
    anthropic.AnthropicError: ModelAway,
    anthropic.RetryableError: ModelAway,
    anthropic.CredentialsError: ModelLocked,
    anthropic.IdentityTokenFileError: ModelLocked,
    anthropic.WorkloadIdentityError: ModelLocked,
}
"""Every error class of the SDK without a status; a class that is missing here was forgotten."""


@pytest.mark.parametrize("kind", _error_classes(), ids=lambda kind: kind.__name__)
def test_no_class_of_the_sdk_is_forgotten(kind: type[Exception]) -> None:
    made = kind.__new__(kind)
    if not isinstance(made, anthropic.APIStatusError):
        assert type(fault_of(made)) is _NOT_BY_STATUS[kind]
        return
    status = getattr(kind, "status_code", 500)
    request = httpx2.Request("POST", "http://127.0.0.1/v1/messages")
    anthropic.APIStatusError.__init__(made, "no", response=httpx2.Response(status, request=request), body=None)
    made.status_code = status
    by_status = dict.fromkeys((401, 402, 403, 404), ModelLocked) | {400: PromptRefused, 429: ModelBusy}
    refused = {412, 413, 422, 431}
    expected = PromptRefused if status in refused else by_status.get(status, ModelAway)
    assert type(fault_of(made)) is expected
