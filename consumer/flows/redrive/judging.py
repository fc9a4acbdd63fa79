"""Reads the originals of dead letters again and decodes them, exactly as intake does. Changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from consumer.domain.arrival.deadletters import is_the_refused_one
from consumer.domain.events import Decoded, Origin, Record, Refusal, UnreadableValue
from consumer.flows.pacing import in_turns
from consumer.flows.redrive.ports import Letter, LetterFate, MissingOriginal, Originals
from schemas.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class StayingLetter:
    """It stays a dead letter, refused or without an original."""

    fate: LetterFate
    why: str
    """One line without payload."""


class Judge:
    """Says of each dead letter what its original is now: decoded, or why it stays."""

    def __init__(self, *, originals: Originals, decode: Callable[[Record], Decoded], topics: Topics) -> None:
        """`decode` is intake's own and never raises."""
        self._originals = originals
        self._decode = decode
        self._read = frozenset((*topics.live, *topics.replay))

    async def judge(self, letters: Sequence[Letter]) -> Mapping[Origin, Decoded | StayingLetter]:
        """In the order of the letters. Raises Transient while Kafka is away."""
        standing = await self._originals.read(
            [letter.origin for letter in letters if letter.origin.topic in self._read]
        )
        return {letter.origin: self._judged(letter, standing) async for letter in in_turns(letters)}

    def _judged(self, letter: Letter, standing: Mapping[Origin, Record | MissingOriginal]) -> Decoded | StayingLetter:
        record = standing.get(letter.origin)
        if record is None:
            return _gone("no service of this topic prefix reads its topic")
        if isinstance(record, MissingOriginal):
            return _gone(record.why)
        readable = not isinstance(record.value, UnreadableValue)  # a damaged one has lost its time, too
        if readable and not is_the_refused_one(letter.origin, letter.failed_at, record.origin):
            return _gone("another record stands there: the topic was made anew")
        # The place that was refused is the record's identity in the store, with its time or without.
        decoded = self._decode(record._replace(origin=letter.origin))
        if isinstance(decoded.arrival, Refusal):
            return StayingLetter(fate=LetterFate.REFUSED, why=decoded.arrival.error)
        return decoded


def _gone(why: str) -> StayingLetter:
    return StayingLetter(fate=LetterFate.GONE, why=why)
