"""A request as it came."""

import json
from dataclasses import dataclass
from typing import Any

from consumer.domain.reader import question


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came."""

    at: float
    """Monotonic seconds."""
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    """As the Messages API takes it: the model is in it, wherever the provider has it."""
    raw: bytes
    provider: str = "anthropic"

    @property
    def user_text(self) -> str:
        """The first user turn; it holds the bundle."""
        return str(self.body["messages"][0]["content"])

    @property
    def boundary(self) -> str:
        """The line before the records: each draft has its own, and keeps it in its retry and its repair."""
        return self.user_text.partition("\n")[0]

    @property
    def records(self) -> str:
        """The records alone, whatever the boundary around them."""
        text = self.user_text
        return text[text.find("{") : text.rfind("}") + 1] or text

    @property
    def is_check(self) -> bool:
        """Whether the second reader is asked."""
        return question.SYSTEM[:80] in json.dumps(self.body.get("system", ""), ensure_ascii=False)

    @property
    def statements(self) -> list[dict[str, Any]]:
        """What the second reader is asked about, in order."""
        within = self.user_text.partition("\n<statements ")[2].partition("\n</statements ")[0]
        return [json.loads(line) for line in within.splitlines()[1:]]

    @property
    def is_repair(self) -> bool:
        return len(self.body["messages"]) > 1

    @property
    def model(self) -> str:
        return str(self.body["model"])
