"""The model of dead letters and of the jobs on them (contract, part 6): who may leave the list, how, and for good."""

from dataclasses import dataclass, field

from consumer.domain.events import Origin

LEASE_SECONDS = 20.0


@dataclass(slots=True)
class ModelLetter:
    """`sound` records were refused by an earlier release; `broken` and `rival` ones are refused by any."""

    kind: str
    noted: int
    """The step in which it came."""
    became: str = "listed"


@dataclass(slots=True)
class ModelJob:
    """A redrive or a purge of all dead letters, or of those that an earlier release refused."""

    action: str
    only_internal: bool
    submitted: int
    state: str = "open"
    holder: int = 0
    """The newest lease; 0 before the first one."""
    held_until: float = -1.0

    def is_for(self, letter: ModelLetter) -> bool:
        return letter.noted < self.submitted and not (self.only_internal and letter.kind != "sound")

    def lets_go(self, letter: ModelLetter) -> str | None:
        """What may become of the letter by this job."""
        if not self.is_for(letter):
            return None
        return "purged" if self.action == "purge" else "taken" if letter.kind == "sound" else None


@dataclass(slots=True)
class ListModel:
    step: int = 0
    now: float = 0.0
    letters: dict[Origin, ModelLetter] = field(default_factory=dict)
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    stored: dict[int, str] = field(default_factory=dict)
    """Events by version: whatever was read again, or redriven, once."""

    def next_job(self) -> str | None:
        """The oldest that nobody holds."""
        free = (name for name, job in self.jobs.items() if job.state == "open" and self.now >= job.held_until)
        return min(free, key=lambda name: self.jobs[name].submitted, default=None)

    def listed(self) -> set[Origin]:
        return {origin for origin, letter in self.letters.items() if letter.became == "listed"}

    def leaves(self, job: ModelJob, gone: set[Origin]) -> None:
        """These left the list while a piece of the job was worked on: each had to be allowed to."""
        for origin in gone:
            became = job.lets_go(self.letters[origin])
            assert became is not None, f"{self.letters[origin]} left the list by {job}"
            self.letters[origin].became = became
