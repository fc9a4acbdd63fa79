"""Kafka: a request is named by its API key. Answers that name brokers name the proxy instead."""

import struct
from collections.abc import Iterable

from aiokafka.protocol import API_KEYS, coordination, metadata

from tests.support.proxies.conversation import Asked, Buffer, Part
from tests.support.proxies.kinds import KAFKA, KINDS
from tests.support.proxies.plan import Ledger, Plan
from tests.support.proxies.proxy import Proxy

_METADATA, _FIND_COORDINATOR = 3, 10
_HEAD = 4


class KafkaProxy(Proxy):
    """Before a cluster of one node: of several it could not tell which one is meant."""

    server = KAFKA

    def __init__(self, bootstrap_servers: str, plan: Plan | None = None) -> None:
        host, _, port = bootstrap_servers.rpartition(":")
        super().__init__((host, int(port)), Ledger(KINDS[KAFKA], plan))

    def conversation(self) -> "KafkaConversation":
        return KafkaConversation(self.port)


class KafkaConversation:
    def __init__(self, port: int) -> None:
        """Clients are sent to this port of loopback."""
        self._port = port
        self._requests = Buffer()
        self._answers = Buffer()
        self._versions: dict[int, tuple[int, int]] = {}
        """API key and version by correlation id."""

    def asked(self, data: bytes) -> Iterable[Asked]:
        self._requests.add(data)
        while (frame := _frame(self._requests)) is not None:
            key, version, correlation = struct.unpack_from(">hhi", frame, _HEAD)
            self._versions[correlation] = (key, version)
            yield Asked(raw=frame, kind=API_KEYS.get(key, f"API key {key}"))

    def answered(self, data: bytes) -> Iterable[Part]:
        self._answers.add(data)
        while (frame := _frame(self._answers)) is not None:
            (correlation,) = struct.unpack_from(">i", frame, _HEAD)
            yield Part(raw=self._rewritten(frame, *self._versions[correlation]))

    def _rewritten(self, frame: bytes, key: int, version: int) -> bytes:
        head, body = frame[_HEAD : 2 * _HEAD], frame[2 * _HEAD :]
        if key == _METADATA:
            answer = getattr(metadata, f"MetadataResponse_v{version}").decode(body)
            assert len(answer.brokers) <= 1, "a proxy stands before one broker"
            answer.brokers = [(node, "127.0.0.1", self._port, *rest) for node, _, _, *rest in answer.brokers]
        elif key == _FIND_COORDINATOR:
            answer = getattr(coordination, f"FindCoordinatorResponse_v{version}").decode(body)
            if answer.error_code == 0:
                answer.host, answer.port = "127.0.0.1", self._port
        else:
            return frame
        written: bytes = head + answer.encode()
        return struct.pack(">i", len(written)) + written


def _frame(buffer: Buffer) -> bytes | None:
    size = buffer.peek(_HEAD)
    return None if size is None else buffer.take(_HEAD + int(struct.unpack(">i", size)[0]))
