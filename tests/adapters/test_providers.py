"""Each provider through the SDK's own client, from the environment to the answer, against the loopback model's side.

The clouds' own credential libraries run as they are. Their look for a machine's identity is switched off in all tests,
or leads to the loopback server: nothing leaves it.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anthropic
import pytest
from anthropic.lib.aws import _auth
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from consumer import providers
from consumer.adapters.anthropic.clients import Client
from consumer.adapters.anthropic.faults import fault_of
from consumer.errors import Misconfigured
from consumer.flows.drafting.model import (
    Call,
    Ending,
    FormRefused,
    Model,
    ModelAway,
    ModelBusy,
    ModelFault,
    ModelLocked,
    PromptRefused,
    Turn,
)
from consumer.flows.operation.checkup import CheckLevel
from consumer.providers import ModelAccess
from consumer.settings import read_settings
from consumer.wiring.jobs import checkups
from consumer.wiring.model import open_model
from tests.support import answers, model_server
from tests.support.model_server import Behaviour, ModelServer, clouds
from tests.support.service import command, whole_environment

KEY = "key-test-only"
WAYS = ["bedrock", "bedrock with a key", "bedrock in a container", "vertex", "foundry", "foundry by Entra"]
IDS = {
    "bedrock": ("eu.anthropic.claude-sonnet-5-5-v1:0", "eu.anthropic.claude-haiku-5-5-v1:0"),
    "vertex": ("claude-sonnet-5-5@20260801", "claude-haiku-5-5@20261001"),
    "foundry": ("claude-sonnet-5-5", "claude-haiku-5-5"),
}
SECRET_TEXT = "a bundle that must not be seen in a log"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(lambda _: '{"x": "y"}', api_key=KEY) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_session_of_another_test() -> None:
    """The SDK keeps AWS sessions, with their credentials, for the life of the process."""
    _auth._get_session.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture
def google_file(server: ModelServer, tmp_path: Path) -> Path:
    """A service account's file, as Google gives it out; its tokens come from the loopback server."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "account.json"
    account = {
        "type": "service_account",
        "client_email": "service@a-project.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "token_uri": f"{server.url}/google-token",
    }
    path.write_text(json.dumps(account), encoding="utf-8")
    return path


def environment_of(provider: str, server: ModelServer) -> dict[str, str]:
    """Where the provider is, without credentials, and without any that lie about on this machine."""
    draft, check = IDS[provider]
    own = {
        "bedrock": {
            "AWS_REGION": clouds.REGION,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
            "AWS_CONFIG_FILE": "none",
            "AWS_SHARED_CREDENTIALS_FILE": "none",
        },
        "vertex": {
            "CLOUD_ML_REGION": "europe-west1",
            "ANTHROPIC_VERTEX_PROJECT_ID": clouds.PROJECT,
            "ANTHROPIC_VERTEX_BASE_URL": f"{server.url}/v1",
            "CLOUDSDK_CONFIG": "none",
        },
        "foundry": {"ANTHROPIC_FOUNDRY_BASE_URL": f"{server.url}/anthropic"},
    }[provider]
    return own | {
        "ESCALATION_MODEL_PROVIDER": provider,
        "ESCALATION_MODEL": draft,
        "ESCALATION_FALLBACK_MODEL": "none",
        "ESCALATION_CHECK_MODEL": check,
        "ESCALATION_MODEL_ATTEMPT_SECONDS": "30",
    }


@pytest.fixture(params=WAYS)
def provider(
    request: pytest.FixtureRequest, server: ModelServer, google_file: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The environment of a provider, with credentials."""
    way = str(request.param)
    credentials = {
        "bedrock": {"AWS_ACCESS_KEY_ID": clouds.AWS_KEY_ID, "AWS_SECRET_ACCESS_KEY": clouds.AWS_SECRET},
        "bedrock with a key": {"AWS_BEARER_TOKEN_BEDROCK": KEY},
        "bedrock in a container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/aws-credentials"},
        "vertex": {"GOOGLE_APPLICATION_CREDENTIALS": str(google_file)},
        "foundry": {"ANTHROPIC_FOUNDRY_API_KEY": KEY},
        "foundry by Entra": {
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{server.url}/entra-token",
            "IDENTITY_HEADER": "header-test-only",
        },
    }[way]
    name = way.partition(" ")[0]
    set_all(monkeypatch, environment_of(name, server) | credentials)
    return name


def set_all(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def opened() -> AsyncIterator[Model]:
    async with open_model(read_settings()) as paced:
        assert paced is not None
        yield paced.model


def call(model: str | None = None) -> Call:
    return Call(
        model=model or read_settings().model,
        system="You write. " * 300,
        turns=(Turn(role="user", text=SECRET_TEXT),),
        answer_schema={"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        max_tokens=1400,
    )


async def fault(model: Model) -> ModelFault:
    with pytest.raises((ModelAway, ModelLocked, PromptRefused, FormRefused)) as raised:
        await model.draft(call())
    assert isinstance(raised.value, ModelFault)
    return raised.value


async def test_a_call_is_the_same_at_every_provider(server: ModelServer, provider: str) -> None:
    async with opened() as model:
        answers = [await model.draft(call()) for _ in range(2)]
    assert [(answer.text, answer.ending) for answer in answers] == [('{"x": "y"}', Ending.COMPLETE)] * 2
    assert answers[1].usage.cache_read_input_tokens > 0, "the cache marker is there"
    for request in server.requests:
        assert (request.provider, request.model) == (provider, IDS[provider][0])
        sent = {name: value for name, value in request.body.items() if name != "anthropic_version"}
        assert sent == {
            "model": IDS[provider][0],
            "max_tokens": 1400,
            "thinking": {"type": "between_tools"},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": call().answer_schema}},
            "system": [{"type": "text", "text": call().system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": SECRET_TEXT}],
        }
        assert request.headers["x-stainless-retry-count"] == "0"


async def test_doctor_asks_only_what_is_free(server: ModelServer, provider: str) -> None:
    settings = read_settings()
    assert settings.model_access is not None
    findings = await checkups.model_check(settings, settings.model_access).findings()
    levels = [finding.level for finding in findings]
    if provider == "bedrock":
        assert (levels, server.free_questions) == ([CheckLevel.WARNING], [])
    else:
        assert levels == [CheckLevel.OK], findings
        assert len(server.free_questions) == 2
    assert server.calls == 0


@pytest.mark.parametrize(
    ("provider", "asked"),
    [
        ("bedrock", []),
        ("bedrock in a container", ["/aws-credentials"]),
        ("vertex", ["/google-token"]),
        ("foundry by Entra", ["/entra-token"]),
    ],
    indirect=["provider"],
)
async def test_credentials_are_fetched_as_the_clouds_own_tools_do_and_kept(
    server: ModelServer, provider: str, asked: list[str]
) -> None:
    async with opened() as model:
        for _ in range(3):
            await model.draft(call())
    assert (server.calls, server.credentials_asked) == (3, asked), provider


async def test_the_second_readers_model_has_its_own_habits(server: ModelServer, provider: str) -> None:
    async with opened() as model:
        await model.draft(call(read_settings().check_model))
    (request,) = server.requests
    assert (request.model, request.body["thinking"]) == (IDS[provider][1], {"type": "disabled"})


@pytest.mark.parametrize(
    ("behaviour", "kind", "retry_after"),
    [
        (model_server.error(401), ModelLocked, None),
        (model_server.error(403), ModelLocked, None),
        (model_server.error(404), ModelLocked, None),
        (model_server.error(429, retry_after="7"), ModelBusy, 7.0),
        (model_server.error(429), ModelBusy, None),
        (model_server.error(503), ModelAway, None),
        (model_server.error(424), ModelAway, None),
        (model_server.error(400, message="The provided model identifier is invalid."), ModelLocked, None),
        (
            model_server.error(
                400, message="Invocation of model ID x with on-demand throughput is no longer possible."
            ),
            ModelLocked,
            None,
        ),
        (model_server.error(400), PromptRefused, None),
        (model_server.reset(), ModelAway, None),
    ],
)
async def test_every_error_of_a_cloud_is_one_of_four(
    server: ModelServer,
    provider: str,
    behaviour: Behaviour,
    kind: type[Exception],
    retry_after: float | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always(behaviour)
    async with opened() as model:
        raised = await fault(model)
    assert (type(raised), getattr(raised, "retry_after_seconds", None)) == (kind, retry_after)
    assert server.calls == 1, f"{provider}'s client must not retry by itself"
    spilt = caplog.text + str(raised)
    assert [word for word in (SECRET_TEXT, KEY, "Signature=", clouds.GOOGLE_TOKEN) if word in spilt] == []


async def test_a_cloud_without_structured_output_gets_the_plain_form_from_then_on(
    server: ModelServer, provider: str
) -> None:
    server.always(model_server.only_plain_form(server, "output_config.format: Extra inputs are not permitted"))
    async with opened() as model:
        assert type(await fault(model)) is FormRefused
        assert [(await model.draft(call())).ending for _ in range(2)] == [Ending.COMPLETE] * 2
    assert (server.calls, provider) == (3, server.requests[-1].provider)


async def test_no_key_of_another_provider_is_sent(
    server: ModelServer, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another-providers-key")
    async with opened() as model:
        await model.draft(call())
    assert (server.calls, server.holds("another-providers-key"), provider) == (1, False, read_settings().model_provider)


WITHOUT = {
    "bedrock": ("bedrock", {}),
    "bedrock with half a key": ("bedrock", {"AWS_ACCESS_KEY_ID": clouds.AWS_KEY_ID}),
    "bedrock with a profile that is not there": ("bedrock", {"AWS_PROFILE": "nobody"}),
    "vertex": ("vertex", {}),
    "vertex with a file that is not there": ("vertex", {"GOOGLE_APPLICATION_CREDENTIALS": "none"}),
    "foundry": ("foundry", {}),
}


@pytest.mark.failure(23)
@pytest.mark.parametrize("kind", WITHOUT)
async def test_missing_credentials_lock_the_model_and_call_nobody(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    provider, wrong = WITHOUT[kind]
    set_all(monkeypatch, environment_of(provider, server) | wrong)
    async with opened() as model:
        raised = await fault(model)
    assert (type(raised), server.calls) == (ModelLocked, 0), raised
    assert "credentials" in str(raised)


@pytest.mark.parametrize(
    ("provider", "wrong"),
    [
        ("bedrock", {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other"}),
        ("bedrock", {"AWS_ACCESS_KEY_ID": clouds.AWS_KEY_ID, "AWS_SECRET_ACCESS_KEY": "other"}),
        ("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "other"}),
        ("foundry", {"ANTHROPIC_FOUNDRY_API_KEY": "other"}),
    ],
)
async def test_wrong_credentials_lock_the_model(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, provider: str, wrong: dict[str, str]
) -> None:
    set_all(monkeypatch, environment_of(provider, server) | wrong)
    async with opened() as model:
        assert type(await fault(model)) is ModelLocked


def test_our_addresses_are_the_sdks_own() -> None:
    """They are told, so that a proxy can be chosen for them."""
    pairs: list[tuple[ModelAccess, Client]] = [
        (
            providers.of_vertex(region=region, project="p", url=None),
            anthropic.AsyncAnthropicVertex(region=region, project_id="p"),
        )
        for region in ("global", "eu", "us", "europe-west1")
    ]
    pairs += [
        (
            providers.of_bedrock(key=None, region=clouds.REGION, url=None),
            anthropic.AsyncAnthropicBedrock(aws_region=clouds.REGION),
        ),
        (
            providers.of_foundry(key="k", resource="r", url=None),
            anthropic.AsyncAnthropicFoundry(resource="r", api_key="k"),
        ),
    ]
    for access, client in pairs:
        assert access.url.rstrip("/") == str(client.base_url).rstrip("/")


def test_the_network_between_here_and_a_clouds_credentials_is_no_ones_configuration() -> None:
    import botocore.exceptions
    from azure.core.exceptions import ServiceRequestError
    from google.auth.exceptions import RefreshError, TransportError

    passing: list[Exception] = [
        botocore.exceptions.EndpointConnectionError(endpoint_url="x"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="x"),
        ServiceRequestError("x"),
        TransportError("x"),  # type: ignore[no-untyped-call]
        RefreshError("x", retryable=True),  # type: ignore[no-untyped-call]
    ]
    assert [type(fault_of(error)) for error in passing] == [ModelAway] * len(passing)
    revoked = RefreshError("invalid_grant")  # type: ignore[no-untyped-call]
    assert type(fault_of(revoked)) is ModelLocked


FILE = str(Path(__file__).resolve().parents[1] / "golden" / "sessions" / "failed-vpn-error-809.jsonl")


def test_a_package_is_drafted_and_checked_by_the_provider(server: ModelServer, provider: str, tmp_path: Path) -> None:
    """By a process of its own: it needs no key of the Messages API, and both models are the provider's."""
    server.always(lambda received: server.message(received, answers.structured(received)))
    done = command(os.environ, "draft", FILE, "--yes", "--json", "--answers", str(tmp_path / "answers.jsonl"))
    assert done.code == 0, done.errors
    package = json.loads(done.output)
    assert (package["status"], package["calls"]) == ("ready", 1)
    assert package["check"]["statements"] > package["check"]["flagged"] == 0
    assert package["dollars"] > 0, "the price of a model does not hang on the spelling of its id"
    asked = [(request.provider, request.model) for request in (*server.requests, *server.checks)]
    assert asked == [(provider, name) for name in IDS[provider]]


class TestStart:
    """What is wrong with a provider's settings is said at the start, by name."""

    @pytest.mark.parametrize(
        ("provider", "missing", "named"),
        [
            ("bedrock", "AWS_REGION", "AWS_REGION"),
            ("vertex", "CLOUD_ML_REGION", "CLOUD_ML_REGION"),
            ("vertex", "ANTHROPIC_VERTEX_PROJECT_ID", "ANTHROPIC_VERTEX_PROJECT_ID"),
            ("foundry", "ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE"),
            ("bedrock", "ESCALATION_MODEL", "ESCALATION_MODEL: no id of Amazon Bedrock"),
        ],
    )
    def test_what_is_missing_is_named(
        self, server: ModelServer, monkeypatch: pytest.MonkeyPatch, provider: str, missing: str, named: str
    ) -> None:
        set_all(monkeypatch, environment_of(provider, server))
        monkeypatch.delenv(missing)
        with pytest.raises(Misconfigured, match=named):
            read_settings()

    def test_a_wrong_address_is_named(self, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_all(monkeypatch, environment_of("vertex", server) | {"ANTHROPIC_VERTEX_BASE_URL": "ftp://x"})
        with pytest.raises(Misconfigured, match=r"^ANTHROPIC_VERTEX_BASE_URL: begins with none of"):
            read_settings()

    def test_the_usual_other_names_count_too(self, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_all(monkeypatch, environment_of("bedrock", server) | {"AWS_DEFAULT_REGION": "eu-west-1"})
        monkeypatch.delenv("AWS_REGION")
        access = read_settings().model_access
        assert access is not None
        assert access.region == "eu-west-1"

    @pytest.mark.parametrize(
        ("provider", "module"), [("bedrock", "boto3"), ("vertex", "google.auth"), ("foundry", "azure")]
    )
    def test_a_missing_extra_is_named_in_one_line(self, server: ModelServer, provider: str, module: str) -> None:
        without = f"import sys; sys.modules[{module!r}] = None; from consumer.__main__ import main; main()"
        ended = subprocess.run(
            [sys.executable, "-c", without, "run"],
            env=whole_environment(environment_of(provider, server)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 2
        (said,) = ended.stderr.strip().splitlines()
        assert said.startswith(f"Wrong configuration: ESCALATION_MODEL_PROVIDER={provider} needs an extra: ")
        assert said.endswith(f"pip install 'escalation-consumer[{provider}]'")

    def test_a_key_needs_no_extra(self, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        set_all(monkeypatch, environment_of("bedrock", server) | {"AWS_BEARER_TOKEN_BEDROCK": KEY})
        monkeypatch.setitem(sys.modules, "boto3", None)
        assert read_settings().model_access is not None
