"""`run`: runs the service."""

import asyncio
import os
from typing import Annotated

import typer


def run(
    *,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="First make tables and topics, as the command `prepare` does.")
    ] = False,
) -> None:
    """Run the service until SIGTERM or SIGINT.

    It waits for servers that are away and for missing tables and topics, and says so in its log and at /readyz.
    """
    import structlog

    from consumer import logs, service, setting_sources
    from consumer.settings import Settings, read_settings

    settings = read_settings()
    logs.configure(settings.log_level)
    log = structlog.stdlib.get_logger("escalation.service")
    for sentence in setting_sources.lookalikes(Settings, os.environ):
        log.warning("A variable looks like a setting.", event_name="variable_looks_like_a_setting", hint=sentence)
    for reason in settings.unprotected:
        log.warning("Others can read or answer on a connection.", event_name="unprotected", reason=reason)

    async def serve() -> None:
        await service.Service(settings).run(prepare_first=prepare)

    asyncio.run(serve())
