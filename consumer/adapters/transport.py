"""The way to the model's API over HTTP: connections, a proxy, the certificate authorities to trust."""

import socket
import ssl

import httpx2

KEEPALIVE_SECONDS = 60.0  # with the SDK's default of 5, calls that come seldom pay for TCP and TLS each time
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), 60)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL")
        if hasattr(socket, name)
    ),
)
"""As the SDK's own client sets them: what lies between must not forget a call that takes minutes."""


def http_transport(
    *, concurrency: int, proxy: str | None = None, trusted: ssl.SSLContext | None = None
) -> httpx2.AsyncHTTPTransport:
    """Connections for `concurrency` calls at once; more would wait for a connection and count as timed out.

    Nothing of the environment counts: without `proxy` the API is reached directly, without `trusted` the system's
    certificate authorities are trusted. The SDK's own transport would read proxies there, and fail over some.
    """
    return httpx2.AsyncHTTPTransport(
        verify=trusted or True,
        proxy=proxy,
        trust_env=False,
        socket_options=_KEEPALIVE,
        limits=httpx2.Limits(
            max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=KEEPALIVE_SECONDS
        ),
    )
