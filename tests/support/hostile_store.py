"""A store whose ids and texts try to become markup, script, template or disorder wherever they are shown."""

from typing import Any

from consumer.adapters.postgres.core.pool import closing_pool
from tests.support.store_filler import StoreFiller
from tests.support.wire import arrive, change, request

MARKS = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 'zq'*3 }}{% include 'base.html' %}${'zq'*3}",
    "javascript:alert(1)",
    "\u202eesrever\u2066 \u200b",
    "</textarea></style></title><svg onload=alert(1)>",
    "'; DROP TABLE sessions; --",
    "%2e%2e/../%00&lt;b&gt;",
)
HOSTILE = " ".join(MARKS)
EVALUATED = "zqzqzq"
"""What a template engine would make of such a text; no id, digest or time of a page can hold it by chance."""
LONG = "x" * 10_000
ID = "a/../b?c=d&e#f <script>\"'{{'zq'*3}}%2F\u202e"
TENANT = 't"><script>alert(1)</script>'
TICKET = "<b>777</b>"


async def fill(dsn: str) -> None:
    async with closing_pool(dsn, name="fill", max_size=4) as pool:
        filler = StoreFiller(pool)
        asks = {"subject": ID, "tenantid": TENANT}
        await filler.store(*_session(**asks), request("<img src=x onerror=alert(1)>", attributes=asks, reason=HOSTILE))
        await filler.store(
            *_session(subject="plain-session"),
            request("plain-request", attributes={"subject": "plain-session"}, reason="It does not print."),
        )
        await filler.draft()
        plain = {"subject": "plain-session"}
        await filler.store(
            change(
                "session.fact_recorded.v1", {"fact_id": "f9", "text": LONG, "source_type": "note"}, version=9, **plain
            )
        )
        await filler.draft()
        await filler.store(
            change("session.opened.v1", {"title": "Waits", "psa_ticket": _ticket("4711")}, version=14, subject="waits"),
            request("waits-for-99", attributes={"subject": "waits"}, state_version=99, deadline_seconds=60),
            *(
                request(f"many-{number:03}", attributes={"subject": "many"}, deadline_seconds=3600)
                for number in range(60)
            ),
        )
        await filler.store(arrive(b"{" + HOSTILE.encode(), topic="session-state-changed"))
        await pool.execute(
            "INSERT INTO package_feedback SELECT tenant_id, session_id, 'said ' || package_id, package_id::text,"
            " 'rejected', $1, now() FROM packages",
            '{"comment": "<script>alert(1)</script>", "reason": "wrong"}',
        )
        await pool.execute(
            "INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, ended_at, usd,"
            " input_tokens, output_tokens)"
            " SELECT tenant_id, session_id, request_id || '/1', 'draft', '<b>', '<i>m</i>',"
            " now(), 0.01, 1000, 200 FROM requests WHERE revision > 0"
        )


def _session(**attributes: Any) -> list[dict[str, Any]]:
    return [
        change(
            "session.opened.v1",
            {
                "title": HOSTILE,
                "problem_summary": HOSTILE,
                "problem_domain": MARKS[0],
                "intake_text": HOSTILE,
                "psa_ticket": _ticket(TICKET),
            },
            version=1,
            actor=MARKS[1],
            **attributes,
        ),
        change(
            "session.fact_recorded.v1",
            {"fact_id": "f1", "text": HOSTILE, "source_type": MARKS[0]},
            version=2,
            **attributes,
        ),
        change(
            "session.fix_suggested.v1",
            {"fix_id": "x1", "title": MARKS[1], "description": HOSTILE, "confidence_pct": 85},
            version=3,
            **attributes,
        ),
        change(
            "session.fix_outcome_recorded.v1",
            {"fix_id": "x1", "status": "applied_failed", "failure_reason": HOSTILE},
            version=4,
            **attributes,
        ),
        change(
            "session.script_generated.v1",
            {"generation_id": "g1", "template": {"name": MARKS[0]}, "parameters_used": {MARKS[1]: HOSTILE}},
            version=5,
            **attributes,
        ),
        change("session.closed.v1", {"resolution": HOSTILE}, version=6, **attributes),
        change("<script>.v9", {"x": 1}, version=7, **attributes),
    ]


def _ticket(ticket_id: str) -> dict[str, str]:
    return {"system": "connectwise", "ticket_id": ticket_id}
