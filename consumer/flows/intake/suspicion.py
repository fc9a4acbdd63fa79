"""Tells whether refusals of records may be the service's own fault.

A record that the service stumbles over is set aside, and a malformed one is refused. When that befalls most of what is
read, it may be the service that is at fault: a faulty release, whose records somebody would have to send again. Each
key counts once, by what befell it last, so that one session does not speak for all.

- Stumbles over most keys, or over a record that is sound beyond doubt: reading pauses for as long as they go on. Sound
  records wait, for nothing can be known of what a faulty release makes of them.
- Refusals of the data: reading pauses once, briefly, so that a roll-out of a faulty release halts at `/readyz`. Then it
  goes on, whatever comes, for a producer that sends rubbish must not stop the others.
"""

from collections.abc import Callable, Hashable, Iterable

from consumer.domain.events import Decoded, Refusal
from schemas.dead_letters import RefusalReason

REMEMBERED = 100
"""Keys."""
SEVERAL = 5
"""So many keys that the service stumbles over are no coincidence."""
MANY = 50
"""So many keys that are refused are no coincidence."""
STUMBLES_SECONDS = 10.0
"""How long reading pauses before it is tried again. Nothing but another release mends it."""
REFUSALS_SECONDS = 10.0
"""Long enough for a roll-out to see that the replica is not ready."""


class Suspicion:
    """What befell the keys that were read last."""

    def __init__(self, decode_sound: Callable[[], object]) -> None:
        """`decode_sound` decodes a record that is sound beyond doubt."""
        self._decode_sound = decode_sound
        self._last: dict[Hashable, RefusalReason | None] = {}
        self._overlooked = False

    def note(self, arrivals: Iterable[Decoded]) -> None:
        for decoded in arrivals:
            arrival = decoded.arrival
            key = decoded.record_key if decoded.record_key is not None else arrival.origin
            self._last.pop(key, None)
            self._last[key] = arrival.reason if isinstance(arrival, Refusal) else None
        while len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]

    def check(self) -> None:
        """Raises RefusalsLeap when the service may be at fault."""
        if self._stumbles():
            raise RefusalsLeap(
                "the service stumbles over most records: the release is faulty, deploy a sound one; nothing is set "
                "aside meanwhile",
                STUMBLES_SECONDS,
            )
        if self._refusals_leap():
            raise RefusalsLeap(
                "most records are refused: a producer sends rubbish, or the release is faulty; after a pause they "
                "become dead letters, which say why",
                REFUSALS_SECONDS,
            )

    def _stumbles(self) -> bool:
        stumbled = sum(reason is RefusalReason.INTERNAL for reason in self._last.values())
        if stumbled == 0:
            return False
        try:
            self._decode_sound()
        except Exception:  # noqa: BLE001 - whatever it is, every record meets it
            return True
        return stumbled >= SEVERAL and 2 * stumbled > len(self._last)

    def _refusals_leap(self) -> bool:
        """True once when most of many keys are refused, and not again before fewer are."""
        refused = sum(reason is not None for reason in self._last.values())
        leaps = refused >= MANY and 2 * refused > len(self._last)
        first, self._overlooked = leaps and not self._overlooked, leaps
        return first


class RefusalsLeap(Exception):
    """Most records are refused. Reading pauses for `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds
