"""The port of traces, as far as drafting itself has to say where a span begins and ends.

All other spans stand around calls of ports (model, endings, inbox, broker), so that no flow knows of them.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from consumer.domain.request.work import Work


class Tracing(Protocol):
    """Spans around a block. They never block or raise, let every error pass, and hold ids and figures only."""

    def attempt(self, work: Work) -> AbstractContextManager[None]:
        """One attempt at a piece of work. It goes on with the trace that came with the request."""

    def building(self) -> AbstractContextManager[None]:
        """The fold of the session and its bundle."""


class NoTracing:
    """Tracing that keeps nothing."""

    def attempt(self, work: Work) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        return nullcontext()

    def building(self) -> AbstractContextManager[None]:
        return nullcontext()
