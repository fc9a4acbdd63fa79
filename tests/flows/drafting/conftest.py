"""Drafting in a hurry."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from consumer.flows.drafting import failures
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.calls import pace


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pace, "RETRY_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(drafting, "WAKE_SECONDS", 0.3)
    monkeypatch.setattr(drafting, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(drafting, "CALLING_SECONDS", 0.01)
    with capture_logs():  # unconfigured, a logged error takes a second to be drawn
        yield
