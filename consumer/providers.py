"""The providers of the model: where each is reached, and what it has to be told.

Variables have the names that users of each cloud know. A region is always told, never taken from a profile or a
machine: it decides where customers' texts go.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """How the model is reached. Its repr hides the key."""

    provider: str
    url: str
    key: str | None = field(default=None, repr=False)
    """None: the cloud's own credentials, found as its own tools find them."""
    region: str | None = None
    project: str | None = None


_EXTRAS = {"bedrock": "boto3", "vertex": "google.auth", "foundry": "azure.identity"}
"""The module that each provider's extra brings. Its credentials are found, and its calls are signed, by that."""


def of_anthropic(*, key: str | None, url: str) -> ModelAccess | None:
    """The Messages API; None without a key."""
    return None if key is None else ModelAccess(provider="anthropic", url=url, key=key)


def of_bedrock(*, key: str | None, region: str | None, url: str | None) -> ModelAccess:
    """Amazon Bedrock. Raises ValueError for what is missing or wrong."""
    if region is None:
        raise ValueError(_needs("bedrock", "AWS_REGION"))
    url = _address("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url) or f"https://bedrock-runtime.{region}.amazonaws.com"
    return ModelAccess(provider="bedrock", url=url, key=key, region=region)


def of_vertex(*, region: str | None, project: str | None, url: str | None) -> ModelAccess:
    """Google Vertex AI. Raises ValueError for what is missing or wrong."""
    given = {"CLOUD_ML_REGION": region, "ANTHROPIC_VERTEX_PROJECT_ID": project}
    if region is None or project is None:
        raise ValueError(_needs("vertex", " and ".join(name for name, value in given.items() if value is None)))
    hosts = {"global": "aiplatform.googleapis.com"} | {
        name: f"aiplatform.{name}.rep.googleapis.com" for name in ("eu", "us")
    }
    host = hosts.get(region, f"{region}-aiplatform.googleapis.com")
    url = _address("ANTHROPIC_VERTEX_BASE_URL", url) or f"https://{host}/v1"
    return ModelAccess(provider="vertex", url=url, region=region, project=project)


def of_foundry(*, key: str | None, resource: str | None, url: str | None) -> ModelAccess:
    """Microsoft Foundry. Raises ValueError for what is missing or wrong."""
    url = _address("ANTHROPIC_FOUNDRY_BASE_URL", url)
    if resource is None and url is None:
        raise ValueError(_needs("foundry", "ANTHROPIC_FOUNDRY_RESOURCE"))
    return ModelAccess(provider="foundry", url=url or f"https://{resource}.services.ai.azure.com/anthropic/", key=key)


def insist_on_extra(access: ModelAccess) -> None:
    """Raises ValueError, with the command that installs it, where an extra is missing. A key needs none."""
    module = _EXTRAS.get(access.provider)
    if module is None or access.key is not None:
        return
    try:
        installed = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        installed = False
    if not installed:
        raise ValueError(
            f"ESCALATION_MODEL_PROVIDER={access.provider} needs an extra: "
            f"pip install 'escalation-consumer[{access.provider}]'"
        )


def insist_on_socks(proxy: str, variable: str) -> None:
    """Raises ValueError where a SOCKS proxy is given and its package is missing."""
    if proxy.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ValueError(f"{variable}: a SOCKS proxy needs an extra package: pip install 'httpx2[socks]'")


def insist_on_ids(access: ModelAccess, models: Mapping[str, str | None]) -> None:
    """Raises ValueError where a model's id cannot be one of the provider. The ids are given by their variables."""
    if access.provider != "bedrock":
        return
    wrong = [name for name, model in models.items() if model and "anthropic." not in model and model[:4] != "arn:"]
    if wrong:
        raise ValueError(
            f"{', '.join(wrong)}: no id of Amazon Bedrock; its ids look like eu.anthropic.claude-… or arn:aws:bedrock:…"
        )


def _needs(provider: str, variables: str) -> str:
    return f"ESCALATION_MODEL_PROVIDER={provider} needs {variables}"


def _address(variable: str, url: str | None) -> str | None:
    """The address. Raises ValueError that names the variable."""
    try:
        complete = url is None or bool(environment.split_url(url, "https", "http").hostname)
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None
    if not complete:
        raise ValueError(f"{variable}: names no host")
    return url
