"""The variables of OpenTelemetry: which are obeyed, what is wrong in them, and what happens without the extra."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer import environment, trace_variables
from consumer.wiring.tracing import UNTRACED, open_traces
from tests.support.stage import settings_of

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        (ADDRESS, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/x"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", **ADDRESS}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", **ADDRESS}, False),
        ({"OTEL_SERVICE_NAME": "named", "OTEL_TRACES_SAMPLER": "always_on"}, False),
    ],
)
def test_an_address_or_an_exporter_asks_for_traces(variables: dict[str, str], wanted: bool) -> None:
    assert trace_variables.wanted(variables) is wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[::1"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_SAMPLER_ARG", "10 %"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "snappy"),
        ("OTEL_SDK_DISABLED", "maybe"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(name: str, value: str) -> None:
    wrong = trace_variables.wrong({name: value})
    assert list(wrong) == [name]
    assert len(value) == 1 or value not in wrong[name]


def test_what_is_right_is_not_named() -> None:
    assert trace_variables.wrong({**ADDRESS, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}) == {}
    assert trace_variables.wrong({"OTEL_BSP_MAX_QUEUE_SIZE": "8192", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096"}) == {}


def test_variables_that_load_code_or_say_nothing_of_traces_are_taken_out() -> None:
    obeyed = {"OTEL_SERVICE_NAME": "named", **ADDRESS}
    unheard = dict.fromkeys(("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PROPAGATORS", "OTEL_LOGS_EXPORTER"), "x")
    variables = {**obeyed, **unheard, "OTEL_TRACES_SAMPLER": ""}
    environment.settle(variables)
    assert variables == obeyed


async def test_without_the_extra_one_warning_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("opentelemetry.") else name)
    with capture_logs() as lines:
        async with open_traces(settings_of({}), ADDRESS) as traces:
            assert traces is UNTRACED
    assert [(line["log_level"], line["install"]) for line in lines] == [("warning", "escalation-consumer[traces]")]


def test_nothing_of_the_sdk_is_loaded_where_no_traces_are_wanted() -> None:
    program = (
        "import asyncio, sys\n"
        "from consumer.settings import read_settings\n"
        "from consumer.wiring.tracing import UNTRACED, open_traces\n"
        "async def main():\n"
        "    async with open_traces(read_settings(), {}) as traces:\n"
        "        assert traces is UNTRACED\n"
        "asyncio.run(main())\n"
        "import consumer.service\n"
        "loaded = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'requests')\n"
        "print([name for name in sys.modules if name.startswith(loaded)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://other:1"}, "http://other:1"),
        ({"ALL_PROXY": "http://all:1"}, "http://all:1"),
        ({"HTTP_PROXY": "http://other:1", "NO_PROXY": "collector"}, None),
    ],
)
def test_spans_take_the_way_that_the_settings_name(variables: dict[str, str], proxy: str | None) -> None:
    settings = settings_of({"NO_PROXY": "", "no_proxy": "", **variables})
    assert settings.proxy_to("http://collector:4318") == proxy
