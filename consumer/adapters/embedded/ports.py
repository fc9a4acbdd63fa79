"""Ports on 127.0.0.1 that stay free while their server is down."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ranges from which systems take the source ports of outgoing connections (Linux from 32768, others from
# 49152). Any client could take a port of those ranges while its server is down, and a client that keeps trying the dead
# server's port can even be connected to itself.
_RANGE = range(15_000, 32_000)


def is_free(port: int) -> bool:
    """Returns whether a server could listen on the port now. Closing connections of an earlier server do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Returns a free port, chosen at random, so that two runs on one machine hardly ever choose the same."""
    while not is_free(port := random.choice(_RANGE)):
        pass
    return port
