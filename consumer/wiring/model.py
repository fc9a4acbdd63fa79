"""Opens the model that drafts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from consumer.settings import Settings

if TYPE_CHECKING:
    from consumer.adapters.anthropic import Anthropic

log = structlog.stdlib.get_logger("escalation.service")


@contextlib.asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator["Anthropic | None"]:
    """Yields the model, warmed up; None without a key: then rules draft every package."""
    key = settings.anthropic_api_key
    if key is None:
        log.info("There is no ANTHROPIC_API_KEY: rules draft every package.", event_name="no_model")
        yield None
        return
    model = (await asyncio.to_thread(_model_class))(
        api_key=key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        attempt_seconds=settings.model_attempt_seconds,
        concurrency=settings.model_concurrency,
    )
    try:
        await model.warm_up()
        yield model
    finally:
        await model.close()


def _model_class() -> "type[Anthropic]":
    """Loads the SDK, which takes seconds, ten and more on a busy machine. So only processes that need it load it.

    Must not run in the event loop.
    """
    from consumer.adapters.anthropic import Anthropic

    return Anthropic
