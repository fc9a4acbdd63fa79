"""The environment beyond the settings: what libraries would obey on their own, and how addresses are read.

Law: the settings alone decide. What a library reads by itself is a setting, is refused by name, or is taken out. Two
exceptions: the credentials of a cloud that the settings name are found as its own tools find them, and OpenTelemetry is
told by its standard variables where spans go; those that are obeyed stand in `trace_variables`.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, MutableMapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, parse_qs, urlsplit

from consumer import trace_variables

HEARD = frozenset(
    {
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_BEDROCK_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FOUNDRY_API_KEY",
        "ANTHROPIC_FOUNDRY_BASE_URL",
        "ANTHROPIC_FOUNDRY_RESOURCE",
        "ANTHROPIC_VERTEX_BASE_URL",
        "ANTHROPIC_VERTEX_PROJECT_ID",
    }
)
"""Variables of the SDK that are settings. It takes all others out of the environment: log levels, other credentials."""
OURS = frozenset(
    {"ANTHROPIC_API_KEY_FILE", "ANTHROPIC_CUSTOM_HEADERS_FILE", "ANTHROPIC_FOUNDRY_API_KEY_FILE", "ANTHROPIC_KEY"}
)
"""Variables with the SDK's prefix that it does not know: paths of secrets, and what is told as misspelt."""
UNHEARD = frozenset(
    {
        "PROMETHEUS_MULTIPROC_DIR",  # metrics would go to files of that folder
        "SSLKEYLOGFILE",  # the keys of every connection would be written there
        "prometheus_multiproc_dir",
    }
)
COMPLETING = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGPASSFILE": "passfile",
    "PGSERVICE": "service",
    "PGSERVICEFILE": "servicefile",
    "PGSSLMODE": "sslmode",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCRL": "sslcrl",
    "PGSSLKEY": "sslkey",
    "PGSSLCERT": "sslcert",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSLIB": "gsslib",
}
"""Variables by which the driver of PostgreSQL completes a URL, each with the part of the URL that it stands for."""


_ENCODE = "in a user name or a password write %2F for /, %23 for #, %3F for ?, %40 for @ and %25 for %"


def settle(environment: MutableMapping[str, str]) -> None:
    """Makes an empty variable an unset one, and takes out what libraries would obey unasked.

    To be called once, before they are loaded.
    """
    for name, value in list(environment.items()):
        of_the_sdk = name.startswith("ANTHROPIC_") and name not in HEARD | OURS
        of_traces = name.startswith("OTEL_") and name not in trace_variables.CHECKS
        if not value or name in UNHEARD or of_the_sdk or of_traces:
            del environment[name]


def lower_case_first(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are spelt in lower case: of `https_proxy` and `HTTPS_PROXY` the first counts, as elsewhere."""
    return {name: value for name, value in environment.items() if value and name == name.lower()}


def split_url(url: str, *schemes: str) -> SplitResult:
    """The URL's parts. Raises ValueError with the reason; it never quotes the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
        for host in parts.netloc.rpartition("@")[2].split(","):  # PostgreSQL's may be several
            urlsplit(f"//{host}").port  # noqa: B018 - it is parsed here, and the library's message quotes it
    except ValueError:
        raise ValueError(f"is no URL; {_ENCODE}") from None
    if parts.scheme not in schemes:
        raise ValueError(f"begins with none of {', '.join(f'{scheme}://' for scheme in schemes)}")
    if "@" in parts.path or "@" in parts.query or parts.fragment:
        raise ValueError(f"is ambiguous; {_ENCODE}")
    return parts


def completing(url: SplitResult, environment: Iterable[str]) -> dict[str, str]:
    """The variables that would complete the URL of PostgreSQL, each with the missing part."""
    given = set(parse_qs(url.query))
    host = url.netloc.rpartition("@")[2]
    parts = {"host": host, "port": re.search(r":\d+(,|$)", host), "user": url.username, "password": url.password}
    given |= {part for part, value in {**parts, "dbname": url.path.strip("/")}.items() if value}
    return {name: COMPLETING[name] for name in environment if name in COMPLETING and COMPLETING[name] not in given}


def spared(url: SplitResult, no_proxy: str) -> bool:
    """Whether NO_PROXY names the URL's host: by name, domain, address or network, with or without a port."""
    host, port = (url.hostname or "").lower(), url.port or (443 if url.scheme == "https" else 80)
    return any(_spares(entry.lower(), host, port) for entry in re.split(r"[\s,]+", no_proxy) if entry)


def _spares(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    with contextlib.suppress(ValueError):
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    try:
        named = urlsplit(f"//{entry.rpartition('://')[2]}")
        name, only_port = (named.hostname or "").removeprefix("*").removeprefix("."), named.port
    except ValueError:
        return False  # like curl: what cannot be understood spares nothing
    return bool(name) and only_port in {None, port} and (host == name or host.endswith(f".{name}"))


def custom_headers(text: str) -> dict[str, str]:
    """The headers of lines as `Name: value`. Raises ValueError, without quoting a value."""
    headers = {}
    for number, line in enumerate(filter(None, map(str.strip, text.split("\n"))), 1):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not (
            colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and re.fullmatch(r"[\t\x20-\x7e]*", value)
        ):
            raise ValueError(f"line {number} is no header; write lines as Name: value, in ASCII")
        headers[name] = value
    return headers
