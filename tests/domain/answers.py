"""A session with records of every kind and an answer that keeps every rule. Each test breaks one thing."""

import copy
import json
from typing import Any

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import SessionEvent
from tests.support import build

INTAKE = (
    "Hello, since Monday morning nobody in accounting gets past the sign-in window of Outlook. It pops up, we type the"
    " password, it goes away and comes back a minute later. The web page works, phones work too, so it is not the"
    " password itself. We have the month end close on Thursday and cannot send the statements, so please look at this"
    " today. Best is to call Dana in accounting, she sits next to two of the machines and can try whatever you need at"
    " any time before four. Thanks a lot, and sorry for the long mail, we tried to be complete."
)


REASON = "Needs rights on the internal DNS zone"


def session(**last_outcome: Any) -> Bundle:
    """Two facts, one check, one script; X1 failed, X2 (active) as given, pending by default."""
    return build.bundle(*events(**last_outcome), reason=REASON)


def events(*more: SessionEvent, intake: str = INTAKE, **last_outcome: Any) -> list[SessionEvent]:
    """The events of `session`, with others between its facts and its script."""
    outcome = {"status": "applied_pending", "pending_reason": "Dana signs in after the 16:00 restart"} | last_outcome
    return [
        build.opened(
            title="Outlook asks for a password in accounting",
            problem_summary="Since Monday Outlook 16.0.17830 asks six users for a password again and again.",
            problem_domain="email",
            intake_text=intake,
            psa_ticket=build.TICKET,
        ),
        build.fact("The mailbox opens in the browser for all six users."),
        build.check(
            "On ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, which no longer answers on port 443.",
            source_summary="Remote session on ACC-WS-04",
        ),
        build.fact("The old mail server EXCH-OLD was switched off on Sunday at 22:30.", fact_id="fact-3"),
        *more,
        build.script(parameters={"computer": "ACC-WS-04", "days": 7}),
        build.fix("Recreate the Outlook profile", fix_id="fix-1"),
        build.outcome("applied_failed", failure_reason="The prompt came back within 2 minutes with a new profile."),
        build.fix(
            "Remove the stale autodiscover record",
            fix_id="fix-2",
            confidence_pct=85,
            description="Delete the internal record so that clients find the new server.",
        ),
        build.outcome(fix_id="fix-2", **outcome),
    ]


_ANSWER: dict[str, Any] = {
    "problem": {
        "text": "Since Monday, Outlook asked six users in accounting for a password again and again, although the"
        " browser accepted it; the session was escalated because rights on the internal DNS zone were needed.",
        "records": ["P1", "R1", "F1"],
    },
    "confirmed": [
        {"record": "F2", "text": "On ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, no longer answers."},
    ],
    "notes": [],
    "hypothesis": {
        "text": "The name still pointed to the server that was switched off on Sunday, while the browser uses another"
        " path. A prompt after the restart would refute it.",
        "records": ["X2", "F2", "F3"],
    },
    "next_steps": [
        {"text": "Confirm with Dana after the 16:00 restart whether she signs in without a prompt.", "records": ["X2"],
         "fix": "X2", "action": "confirm"},
        {"text": "If the prompt returns, look up autodiscover.example.com on another machine.", "records": ["F2"],
         "fix": "", "action": "none"},
        {"text": "Ask who switched off EXCH-OLD which other names still point to it.", "records": ["F3"],
         "fix": "", "action": "none"},
    ],
}  # fmt: skip


def good() -> dict[str, Any]:
    return copy.deepcopy(_ANSWER)


def text(answer: dict[str, Any] | None = None) -> str:
    return json.dumps(answer or good())


def with_step(step: str, *records: str) -> str:
    """The good answer with another third step."""
    answer = good()
    answer["next_steps"][2] = {"text": step, "records": list(records) or ["F3"], "fix": "", "action": "none"}
    return text(answer)


def with_text(part: str, said: str) -> str:
    """The good answer with another problem or hypothesis."""
    answer = good()
    answer[part]["text"] = said
    return text(answer)


SECTIONS = """## Problem

Since Monday, Outlook asked six users in accounting for a password again and again.

## What we've confirmed

- The mailbox opens in the browser for all six users.
- autodiscover.example.com resolves to 10.1.4.20 on ACC-WS-04, which no longer answers.
- EXCH-OLD was switched off on Sunday at 22:30.

## What we've tried

- Recreated the profile, and everything is resolved.

## Current hypothesis

The name still pointed to the server that was switched off.

## Suggested next steps

1. Confirm with Dana after the 16:00 restart whether she signs in without a prompt.
2. If the prompt returns, look up autodiscover.example.com on another machine and compare.
"""
"""The same answer as markdown, as gateways send it. Its outcome contradicts the record, so code ignores it."""


def keep(text: str) -> str:
    """A scan that finds no secret."""
    return text
