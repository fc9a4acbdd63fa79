"""Whom to ask, and what: the calls of one draft, each with a boundary of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from secrets import token_hex

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.reader import question
from consumer.domain.review.violations import Said, Violation
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import ANSWER_SCHEMA
from consumer.flows.drafting.model import Answer, Call, Ending, Turn

CUT_FACTOR = 2
"""The repair of an answer that was cut off gets so many times the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Whom to ask, and how much may come back."""

    name: str
    other_name: str | None
    """Asked once after a refusal; None: nobody is."""
    max_tokens: int
    """Visible tokens of an answer."""
    reader_name: str | None = None
    """Asked to check each answer; None: nobody is."""

    def first_call(self, bundle: Bundle) -> Call:
        """What is asked first, with a boundary of its own: no two prompts share one."""
        return self._call(self.name, (Turn(role="user", text=prompt.user_turn(bundle, token_hex(8))),))

    def other_call(self, bundle: Bundle) -> Call | None:
        """What the other model is asked after a refusal."""
        if self.other_name is None or self.other_name == self.name:
            return None
        return self._call(self.other_name, self.first_call(bundle).turns)

    def repair_call(self, first: Call, answer: Answer, violations: Iterable[Violation]) -> Call:
        """What is asked after an answer that broke rules, or that the second reader flagged."""
        complaint = prompt.repair_turn(str(violation) for violation in violations)
        if answer.text.strip():
            turns = (*first.turns, Turn(role="assistant", text=answer.text), Turn(role="user", text=complaint))
        else:  # the API takes no empty turn
            turns = (Turn(role="user", text=f"{first.turns[0].text}\n\n{complaint}"),)
        return self._call(self.name, turns, room=CUT_FACTOR if answer.ending is Ending.CUT else 1)

    def check_call(self, bundle: Bundle, statements: Sequence[Said]) -> Call | None:
        """What the second reader is asked about an answer."""
        if self.reader_name is None:
            return None
        return Call(
            model=self.reader_name,
            system=question.SYSTEM,
            turns=(Turn(role="user", text=question.reader_turn(bundle, statements, token_hex(8))),),
            answer_schema=question.ANSWER_SCHEMA,
            max_tokens=question.most_tokens(statements),
        )

    def _call(self, name: str, turns: tuple[Turn, ...], *, room: int = 1) -> Call:
        return Call(
            model=name,
            system=prompt.SYSTEM,
            turns=turns,
            answer_schema=ANSWER_SCHEMA,
            max_tokens=self.max_tokens * room,
        )
