"""How machines are run: their steps are plain functions, and what they drive lives in one event loop."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from structlog.testing import capture_logs

from consumer.flows.drafting import failures
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.calls import pace

T = TypeVar("T")


class EventLoop:
    """The loop in which all of one test's examples run."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self._runner.close()


@contextmanager
def event_loop() -> Iterator[EventLoop]:
    """Nothing waits for real: pauses are short, and the database's clock is moved by hand."""
    made = EventLoop()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(made.close)
        stack.enter_context(capture_logs())  # unconfigured, a logged error takes a second to be drawn
        patch.setattr(pace, "RETRY_SECONDS", (0.01, 0.02))
        patch.setattr(failures, "BACKOFF_SECONDS", (0.01, 0.02))
        patch.setattr(drafting, "CALLING_SECONDS", 0.01)
        yield made


def explore(machine: type[RuleBasedStateMachine], *, examples: int, steps: int, by_chance: bool) -> None:
    """Runs so many examples of at most so many steps: by chance, or the same ones in every run."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("MACHINE_EXAMPLES", examples)) if by_chance else examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not by_chance,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink) if by_chance else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
