"""A file of paid answers: a run that was stopped does not pay for them again.

Each answer is one JSON line, written at once and readable by its owner alone. It holds what the model wrote about
redacted records and never a prompt: a digest identifies the call.
"""

import json
import os
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from consumer.domain.writing import fence
from consumer.errors import Permanent
from consumer.flows.drafting.model import Answer, Call, Ending, Model
from schemas.packages import Usage


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    call: str
    text: str
    ending: Ending
    usage: Usage
    model: str
    request_id: str | None


class Journal:
    """Implements the port `Model`: answers from the file what the file holds, and asks `inner` for the rest."""

    def __init__(self, path: Path, inner: Model, *, fresh: bool = False) -> None:
        """Reads the file if it exists; `fresh` ignores it. Raises Permanent when the file cannot be read."""
        self._path = path
        self._inner = inner
        self._known: dict[str, Answer] = {}
        self.reused = 0
        if not fresh:
            self._known = {line.call: _answer(line) for line in _lines(path)}

    def holds(self, call: Call) -> bool:
        return _key(call) in self._known

    async def draft(self, call: Call) -> Answer:
        """See the port `Model`."""
        key = _key(call)
        if (known := self._known.get(key)) is not None:
            self.reused += 1
            return known
        answer = await self._inner.draft(call)
        self._known[key] = answer
        self._append(key, answer)  # at once: the answer is paid for
        return answer

    def _append(self, key: str, answer: Answer) -> None:
        line = _Line(
            call=key,
            text=answer.text,
            ending=answer.ending,
            usage=answer.usage,
            model=answer.model,
            request_id=answer.request_id,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            torn = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + line.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _key(call: Call) -> str:
    """Digest of all that decides an answer; the boundary around the records does not, so it is left out."""
    turns = [[turn.role, fence.without_boundary(turn.text)] for turn in call.turns]
    parts = [call.model, call.system, turns, dict(call.answer_schema), call.max_tokens]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _lines(path: Path) -> list[_Line]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Permanent(f"{path}: {error.strerror}") from error
    return [line for line in map(_line, text.split("\n")) if line is not None]


def _line(text: str) -> _Line | None:
    """Returns None for a line that a kill cut off."""
    try:
        return _Line.model_validate_json(text)
    except ValidationError:
        return None


def _answer(line: _Line) -> Answer:
    return Answer(text=line.text, ending=line.ending, usage=line.usage, model=line.model, request_id=line.request_id)
