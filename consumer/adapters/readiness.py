"""The check of a running service: what its /readyz says."""

import asyncio
import json
from collections.abc import Sequence

from consumer.flows.operation.checkup import Finding, broken, doubtful, sound

_LONGEST_BYTES = 1_000_000
_NOBODY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to be asked through loopback


class ReadinessCheck:
    """Asks the service of this machine, at the host and port of the settings."""

    name = "service"
    after: str | None = None

    def __init__(self, host: str, port: int) -> None:
        self._host = "127.0.0.1" if host in _NOBODY else host
        self._port = port

    async def findings(self) -> Sequence[Finding]:
        where = f"{self._host}:{self._port}"
        if self._port == 0:
            return [doubtful("ESCALATION_HTTP_PORT is 0: a service's port stands in its log alone")]
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return [doubtful(f"none answers at {where}; it may run elsewhere", "`escalation-consumer run` starts one")]
        try:
            writer.write(f"GET /readyz HTTP/1.0\r\nHost: {where}\r\n\r\n".encode())
            await writer.drain()
            answer = await reader.read(_LONGEST_BYTES)
            while not reader.at_eof() and len(answer) < _LONGEST_BYTES:
                answer += await reader.read(_LONGEST_BYTES)
        except OSError:
            return [broken(f"{where} closes the connection", "is it this service that listens there?")]
        finally:
            writer.close()
        return _judged(where, answer)


def _judged(where: str, answer: bytes) -> Sequence[Finding]:
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        status, said = int(head.split()[1]), json.loads(body)
        stuck = [f"{each['what']} for {each['seconds']:.0f} s: {each['reason']}" for each in said.get("stuck", [])]
    except (IndexError, ValueError, TypeError, KeyError, AttributeError):
        return [broken(f"{where} is not this service", "set ESCALATION_HTTP_PORT to a port of its own")]
    if status != 200:
        return [broken(f"the service at {where} is not ready: {text}") for text in stuck or ["it does not say why"]]
    return [doubtful(f"the service at {where} is ready, but {text}") for text in stuck] or [
        sound(f"the service at {where} is ready")
    ]
