"""The variables of OpenTelemetry, which are obeyed beside the settings: which ones, and what is wrong in them.

Law: spans never stop the service. What is wrong is named in one line at the start, and nothing is traced.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where spans go: the first one as it is, the second one with /v1/traces."""
DEFAULT_ENDPOINT = "http://localhost:4318"


def wanted(variables: Mapping[str, str]) -> bool:
    """Whether spans are to be sent: an address or the exporter is named, and nothing turns them off."""
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = variables.get("OTEL_TRACES_EXPORTER", "").lower()
    return exporter != "none" and (bool(exporter) or any(variables.get(name) for name in ENDPOINTS))


def endpoint(variables: Mapping[str, str]) -> str:
    """The address that spans go to."""
    return next((variables[name] for name in ENDPOINTS if variables.get(name)), DEFAULT_ENDPOINT)


def wrong(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that are wrong, each with the reason. No value is quoted: headers hold keys."""
    reasons = {name: CHECKS[name](value) for name, value in variables.items() if value and name in CHECKS}
    known = {name: reason for name, reason in reasons.items() if reason is not None}
    size, queue = (variables.get(f"OTEL_BSP_MAX_{name}_SIZE", "") for name in ("EXPORT_BATCH", "QUEUE"))
    if not known and int(size or 512) > int(queue or 2048):
        known["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "is greater than the queue, OTEL_BSP_MAX_QUEUE_SIZE"
    return known


def _one_of(*words: str) -> Callable[[str], str | None]:
    return lambda value: None if value.lower() in words else f"takes {', '.join(words)}"


def _number(kind: type[int] | type[float], at_most: float) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            fits = 0 < kind(value) <= at_most
        except ValueError:
            fits = False
        return None if fits else f"is no number above 0, up to {at_most:g}"

    return check


def _share(value: str) -> str | None:
    try:
        return None if 0 <= float(value) <= 1 else "is no share from 0 to 1"
    except ValueError:
        return "is no share from 0 to 1"


def _address(value: str) -> str | None:
    try:
        url = urlsplit(value)
        sound = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        sound = False
    return None if sound else "is no URL as http://host:port or https://host:port"


def _file(value: str) -> str | None:
    return None if Path(value).is_file() else "names no file"


def _anything(_: str) -> str | None:
    return None


def _for_all_and_traces(name: str, check: Callable[[str], str | None]) -> dict[str, Callable[[str], str | None]]:
    return {f"OTEL_EXPORTER_OTLP_{name}": check, f"OTEL_EXPORTER_OTLP_TRACES_{name}": check}


_MINUTE_MS = 60_000
CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "OTEL_SDK_DISABLED": _one_of("true", "false"),
    "OTEL_TRACES_EXPORTER": _one_of("otlp", "none"),
    "OTEL_SERVICE_NAME": _anything,
    "OTEL_RESOURCE_ATTRIBUTES": _anything,
    "OTEL_TRACES_SAMPLER": _one_of(
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ),
    "OTEL_TRACES_SAMPLER_ARG": _share,
    "OTEL_BSP_SCHEDULE_DELAY": _number(int, _MINUTE_MS),
    "OTEL_BSP_EXPORT_TIMEOUT": _number(int, 10 * _MINUTE_MS),
    "OTEL_BSP_MAX_QUEUE_SIZE": _number(int, 1_000_000),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": _number(int, 1_000_000),
    **_for_all_and_traces("ENDPOINT", _address),
    **_for_all_and_traces("PROTOCOL", _one_of("http/protobuf")),
    **_for_all_and_traces("HEADERS", _anything),
    **_for_all_and_traces("TIMEOUT", _number(float, 600)),
    **_for_all_and_traces("COMPRESSION", _one_of("none", "gzip", "deflate")),
    **_for_all_and_traces("CERTIFICATE", _file),
    **_for_all_and_traces("CLIENT_CERTIFICATE", _file),
    **_for_all_and_traces("CLIENT_KEY", _file),
}
"""Every variable that is obeyed, with its check. All others of OpenTelemetry are taken out of the environment."""
