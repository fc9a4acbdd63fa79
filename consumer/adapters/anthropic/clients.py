"""The SDK's own client of each provider, with our connections, our timeouts and no retries."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import httpx2
from anthropic import (
    AsyncAnthropic,
    AsyncAnthropicBedrock,
    AsyncAnthropicFoundry,
    AsyncAnthropicVertex,
    DefaultAsyncHttpxClient,
    OpenTelemetryOptions,
)

from consumer.providers import ModelAccess

CONNECT_SECONDS = 5.0
_ENTRA_SCOPE = "https://ai.azure.com/.default"

Client = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex | AsyncAnthropicFoundry


class _Common(TypedDict):
    base_url: str
    max_retries: int
    timeout: httpx2.Timeout
    http_client: httpx2.AsyncClient
    default_headers: Mapping[str, str] | None
    open_telemetry: OpenTelemetryOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClient:
    """A client, and how it is closed with all that belongs to it."""

    client: Client
    close: Callable[[], Awaitable[None]]

    def take_key(self, key: str | None) -> None:
        """From the next call on: the SDK makes its headers anew for each. None changes nothing."""
        if key and not isinstance(self.client, AsyncAnthropicVertex):
            self.client.api_key = key


def client_of(
    access: ModelAccess,
    *,
    seconds: float,
    transport: httpx2.AsyncBaseTransport,
    headers: Mapping[str, str] | None = None,
) -> OpenClient:
    """Opens no connection, and looks for no credentials: a provider's client does so at each call."""
    common = _Common(
        base_url=access.url,
        max_retries=0,
        timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        http_client=DefaultAsyncHttpxClient(transport=transport, trust_env=False),
        default_headers=headers,
        open_telemetry={"traces": False, "propagation": False},
    )
    client: Client
    match access.provider:
        case "bedrock":
            # Not `…BedrockMantle`: the endpoint bedrock-mantle refuses `output_config.format`, and knows neither the
            # inference profiles (eu.…) that keep data in a region nor the permission to invoke a model that users have.
            client = AsyncAnthropicBedrock(api_key=access.key, aws_region=access.region, **common)
        case "vertex":
            client = AsyncAnthropicVertex(region=access.region or "", project_id=access.project or "", **common)
        case "foundry" if access.key is None:
            return _foundry_by_entra(common)
        case "foundry":
            client = AsyncAnthropicFoundry(api_key=access.key, **common)
        case _:
            client = AsyncAnthropic(api_key=access.key, **common)
    return OpenClient(client=client, close=client.close)


def _foundry_by_entra(common: _Common) -> OpenClient:
    from azure.identity.aio import DefaultAzureCredential, get_bearer_token_provider  # of an extra

    credential = DefaultAzureCredential()
    client = AsyncAnthropicFoundry(
        azure_ad_token_provider=get_bearer_token_provider(credential, _ENTRA_SCOPE), **common
    )

    async def close() -> None:
        await client.close()
        await credential.close()

    return OpenClient(client=client, close=close)
