"""Records that every sound store takes: one change of a session and one request. They are never kept."""

from datetime import UTC, datetime

from consumer.domain.events import Decoded, Origin, Request, RequestKey, SessionChange, SessionKey
from consumer.flows.inbox import Batch

_SESSION = SessionKey("escalation-consumer", "a sound session")
_NOWHERE = Origin(topic="", partition=-1, offset=-1)

SOUND_BATCH = Batch(
    arrivals=(
        Decoded(
            SessionChange(
                origin=_NOWHERE,
                key=_SESSION,
                version=1,
                event_id="sound",
                type="session.opened.v1",
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
                actor="sound",
                data='{"title":"sound"}',
            ),
            None,
        ),
        Decoded(
            Request(
                origin=_NOWHERE,
                key=RequestKey(*_SESSION, "sound"),
                state_version=1,
                reason="sound",
                priority=3,
                force=False,
                deadline_seconds=120,
                from_replay=False,
                replay_id=None,
            ),
            None,
        ),
    )
)
