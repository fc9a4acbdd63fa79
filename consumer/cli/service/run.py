"""`run`: runs the service."""

import asyncio
from typing import Annotated

import typer

from consumer.settings import read_settings


def run(
    *,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="First make tables and topics, as the command `prepare` does.")
    ] = False,
) -> None:
    """Run the service until SIGTERM or SIGINT.

    It waits for servers that are away and for missing tables and topics, and says so in its log and at /readyz.
    """
    from consumer import logs, service

    settings = read_settings()
    logs.configure(settings.log_level)

    async def serve() -> None:
        await service.Service(settings).run(prepare_first=prepare)

    asyncio.run(serve())
