"""The program of a `TlsDoor`. It imports nothing of the service: its file is run as it is, and starts at once."""

import argparse
import asyncio
import contextlib
import ssl
import struct
import sys

LOOPBACK = "127.0.0.1"
READY = "The door is open."
_ASKS_FOR_TLS = struct.pack(">ii", 8, 80_877_103)
_PIECE_BYTES = 65_536
_PATIENCE_SECONDS = 5.0


class _Door:
    def __init__(self, to_port: int, context: ssl.SSLContext, *, postgres: bool) -> None:
        self._to_port = to_port
        self._context = context
        self._postgres = postgres

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            if await self._locked(reader, writer):
                inside, outside = await asyncio.open_connection(LOOPBACK, self._to_port)
                await asyncio.gather(_carry(reader, outside), _carry(inside, writer))
        writer.close()

    async def _locked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the client speaks TLS now; PostgreSQL's clients ask for it first."""
        if not self._postgres:
            return True
        async with asyncio.timeout(_PATIENCE_SECONDS):
            if await reader.readexactly(len(_ASKS_FOR_TLS)) != _ASKS_FOR_TLS:
                return False
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(self._context)
        return True


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until the source ends; then the target is closed, so that the other direction ends too."""
    try:
        while piece := await source.read(_PIECE_BYTES):
            target.write(piece)
            await target.drain()
    finally:
        target.close()


async def _serve(port: int, door: _Door, context: ssl.SSLContext | None) -> None:
    async with await asyncio.start_server(door.pass_on, LOOPBACK, port, ssl=context) as server:
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await server.serve_forever()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("to_port", type=int)
    parser.add_argument("certificate")
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(given.certificate)
    door = _Door(given.to_port, context, postgres=given.postgres)
    asyncio.run(_serve(given.port, door, None if given.postgres else context))


if __name__ == "__main__":
    _main()
