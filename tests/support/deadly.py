"""The service, in which some sessions kill: `python -m tests.support.deadly HOW SESSION,SESSION COMMAND`.

HOW is what folding them does: `kill`, as the system does when memory is short; `crash`, as native code does; `spin`, so
that the process computes for ever.
"""

import os
import signal
import sys
from collections.abc import Sequence

from consumer.cli.main import run_command_line
from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.session import session
from consumer.domain.session.session import Session

_fold = session.fold


def main() -> None:
    how, named, *arguments = sys.argv[1:]
    deadly = frozenset(named.split(","))

    def fold(key: SessionKey, events: Sequence[SessionEvent]) -> Session:
        while key.session_id in deadly:
            if how != "spin":
                os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSEGV)
        return _fold(key, events)

    session.fold = fold  # type: ignore[assignment]  # that is the fault
    sys.argv = ["escalation-consumer", *arguments]
    run_command_line()


if __name__ == "__main__":
    main()
