"""A proxy that ends while clients are connecting leaves no socket open: a leak would fail whichever test runs next."""

import errno
import gc
import socket
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from tests.support.proxies.redis import RedisProxy

ROUNDS = 20
BEFORE_THE_END_SECONDS = 0.02
BETWEEN_SECONDS = 0.0001


def connect_until(port: int, ended: threading.Event, sockets: ExitStack) -> None:
    while not ended.is_set():
        client = sockets.enter_context(socket.socket())
        client.setblocking(False)
        if client.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
            return
        time.sleep(BETWEEN_SECONDS)


def test_nothing_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: left.append(str(unraisable.exc_value)))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as upstream:
        for _ in range(ROUNDS):
            ended = threading.Event()
            with ExitStack() as sockets:
                with RedisProxy(f"redis://127.0.0.1:{upstream.getsockname()[1]}/0") as proxy:
                    connecting = threading.Thread(target=connect_until, args=(proxy.port, ended, sockets))
                    connecting.start()
                    time.sleep(BEFORE_THE_END_SECONDS)
                ended.set()
                connecting.join()
    gc.collect()
    assert left == []
