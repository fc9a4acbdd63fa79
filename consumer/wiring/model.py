"""Opens the model that drafts, with the pace of its calls."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumer import environment
from consumer.adapters.redis.pace import RedisPace
from consumer.flows.drafting.calls.pace import Pace
from consumer.flows.drafting.model import Model
from consumer.providers import ModelAccess
from consumer.settings import Settings

if TYPE_CHECKING:
    import httpx2

    from consumer.adapters.anthropic.clients import OpenClient
    from consumer.adapters.anthropic.messages import Anthropic

_KEYS = {"anthropic": "anthropic_api_key", "bedrock": "aws_bearer_token_bedrock", "foundry": "foundry_api_key"}
"""The setting that holds the key of each provider that takes one."""

log = structlog.stdlib.get_logger("escalation.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedModel:
    """A model, and how many calls it is sent at once, and when."""

    model: Model
    pace: Pace


@contextlib.asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator[PacedModel | None]:
    """Yields the model, warmed up; None without access to one: then rules draft every package."""
    access = settings.model_access
    if access is None:
        log.info("There is no ANTHROPIC_API_KEY: rules draft every package.", event_name="no_model")
        yield None
        return
    model = await asyncio.to_thread(_made, settings, access)
    redis = None if settings.redis_url is None else settings.renewed("redis_url")
    shared = None if redis is None else RedisPace(redis, prefix=settings.topic_prefix)
    try:
        await model.warm_up()
        yield PacedModel(model=model, pace=Pace(places=settings.model_concurrency, shared=shared, clock=time.monotonic))
    finally:
        if shared is not None:
            await shared.close()
        await model.close()


def _trusted(settings: Settings) -> ssl.SSLContext | None:
    """The certificate authorities that the settings name; None: the system's."""
    if settings.ssl_cert_file is None and settings.ssl_cert_dir is None:
        return None
    return ssl.create_default_context(cafile=settings.ssl_cert_file, capath=settings.ssl_cert_dir)


def _made(settings: Settings, access: ModelAccess) -> "Anthropic":
    """Loads the SDK, which takes seconds, ten and more on a busy machine. So only processes that need it load it.

    Must not run in the event loop.
    """
    from consumer.adapters.anthropic.messages import Anthropic

    return Anthropic(
        access,
        attempt_seconds=settings.model_attempt_seconds,
        transport=_transport(settings),
        headers=_headers(settings),
        renewed_key=settings.renewed(_KEYS[access.provider]) if access.key is not None else None,
    )


def client_for(settings: Settings, access: ModelAccess) -> "OpenClient":
    """The SDK's own client, for questions beside drafting. As `_made`, but to be called in the event loop."""
    from consumer.adapters.anthropic.clients import client_of

    return client_of(
        access,
        seconds=settings.model_attempt_seconds,
        transport=_transport(settings),
        headers=_headers(settings),
    )


def _transport(settings: Settings) -> "httpx2.AsyncBaseTransport":
    from consumer.adapters.transport import http_transport

    return http_transport(
        concurrency=settings.model_concurrency,
        proxy=None if settings.model_proxy is None else settings.model_proxy.get_secret_value(),
        trusted=_trusted(settings),
    )


def _headers(settings: Settings) -> dict[str, str] | None:
    given = settings.anthropic_custom_headers
    return None if given is None else environment.custom_headers(given.get_secret_value())
