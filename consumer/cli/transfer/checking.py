"""Checks lines as intake does: what it would refuse, with reason and field, and what it would take and ignore."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field

from consumer.cli import output
from consumer.cli.transfer.lines import InputLine
from consumer.domain.arrival.decode import decode
from consumer.domain.events import Ignored, Origin, Record, Refusal, SessionChange, SessionKey
from consumer.domain.redaction import Redactor
from schemas.dead_letters import RefusalReason
from schemas.topics import Topics

SHOWN_PROBLEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """What is wrong with one line."""

    line: int
    topic: str
    reason: str
    """Of a dead letter, or `line`: `load` itself refuses it, `topic`: it does not exist, `note`: it is taken."""
    error: str


@dataclass(slots=True, kw_only=True)
class LoadCheck:
    """The check of a whole file. It holds ids of what was read, never a payload."""

    topics: Topics
    redactor: Redactor
    existing: Collection[str] | None
    """The topics that are there; None when Kafka could not be asked."""
    records: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    _owners: dict[tuple[SessionKey, int], str] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)

    @property
    def refused(self) -> int:
        """How many lines would not be sent, or become dead letters."""
        return sum(problem.reason != "note" for problem in self.problems)

    def wrong(self, number: int, error: str) -> None:
        """A line that `load` itself refuses."""
        self._add(number, "-", "line", error)

    def check(self, number: int, line: InputLine) -> None:
        """One record, as intake reads it."""
        self.records += 1
        if self.existing is not None and line.topic not in self.existing and line.topic not in self._missing:
            self._missing.add(line.topic)
            self._add(number, line.topic, "topic", "does not exist; `escalation-consumer prepare` makes it")
        record = Record(Origin(line.topic, 0, number), line.key.encode(), line.value)
        match decode(record, self.topics, self.redactor).arrival:
            case Refusal(reason=reason, error=error):
                self._add(number, line.topic, reason.value, error)
            case SessionChange() as change:
                self._keyed(number, line, change.key.session_id)
                self._numbered(number, line, change)
            case Ignored(session=session):
                self._keyed(number, line, session.session_id)
                self._add(number, line.topic, "note", "type: unknown here; it is counted and changes nothing")
            case _:
                pass

    def _keyed(self, number: int, line: InputLine, subject: str) -> None:
        if line.key != subject:
            self._add(
                number, line.topic, "note", "key: is not the subject, so that the order within a session may be lost"
            )

    def _numbered(self, number: int, line: InputLine, change: SessionChange) -> None:
        if change.data is None:
            self._add(number, line.topic, "note", "type: unknown here; it is stored and changes nothing")
        owner = self._owners.setdefault((change.key, change.version), change.event_id)
        if owner != change.event_id:
            self._add(
                number,
                line.topic,
                RefusalReason.VERSION_CONFLICT.value,
                f"stateversion: {change.version} belongs to another event of this file already",
            )

    def _add(self, number: int, topic: str, reason: str, error: str) -> None:
        plain = topic.removeprefix(self.topics.prefix)
        self.problems.append(LineProblem(line=number, topic=plain, reason=reason, error=error))

    def as_json(self) -> list[dict[str, object]]:
        """Every problem."""
        return [asdict(problem) for problem in self.problems]

    def show(self) -> None:
        """For people: the first problems, and what the check cannot know."""
        shown = self.problems[:SHOWN_PROBLEMS]
        if shown:
            output.table([asdict(problem) for problem in shown], columns=("line", "topic", "reason", "error"), empty="")
        if len(self.problems) > len(shown):
            output.say(f"… and {len(self.problems) - len(shown)} more; --json shows all.")
        if self.existing is None:
            output.complain("Kafka could not be asked which topics exist: is KAFKA_BOOTSTRAP_SERVERS right?")
        output.say(f"{self.records} records checked, none sent: {self.refused} would be refused.")
