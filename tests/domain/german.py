"""The answer of `answers` in German, about the same session: the records stay in the language they were written in."""

import copy
import json
from typing import Any

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import SessionEvent
from consumer.domain.language.de import GERMAN
from tests.domain import answers
from tests.support import build

_ANSWER: dict[str, Any] = {
    "problem": {
        "text": "Seit Montag fragte Outlook sechs Anwender in der Buchhaltung immer wieder nach einem Kennwort, obwohl"
        " der Browser es annahm; eskaliert wurde, weil Rechte auf der internen DNS-Zone gebraucht wurden.",
        "records": ["P1", "R1", "F1"],
    },
    "confirmed": [
        {"record": "F2", "text": "Auf ACC-WS-04 zeigt autodiscover.example.com auf 10.1.4.20, ohne Antwort auf Port"
         " 443."},
    ],
    "notes": [],
    "hypothesis": {
        "text": "Der Name zeigte noch auf den Server, der am Sonntag um 22:30 Uhr abgeschaltet wurde, während der"
        " Browser einen anderen Weg nimmt. Eine Abfrage nach dem Neustart würde das widerlegen.",
        "records": ["X2", "F2", "F3"],
    },
    "next_steps": [
        {"text": "Mit Dana nach dem Neustart um 16:00 Uhr klären, ob die Anmeldung ohne Abfrage klappt.",
         "records": ["X2"], "fix": "X2", "action": "confirm"},
        {"text": "Falls die Abfrage wiederkommt, autodiscover.example.com auf einem anderen Rechner auflösen.",
         "records": ["F2"], "fix": "", "action": "none"},
        {"text": "Klären, wer EXCH-OLD abgeschaltet hat und welche anderen Namen noch darauf zeigen.",
         "records": ["F3"], "fix": "", "action": "none"},
    ],
}  # fmt: skip

SECTIONS = """## Problem

Seit Montag fragte Outlook sechs Anwender in der Buchhaltung immer wieder nach einem Kennwort.

## Was bestätigt ist

- Das Postfach lässt sich bei allen sechs Anwendern im Browser öffnen.
- autodiscover.example.com zeigt auf ACC-WS-04 auf 10.1.4.20, das nicht mehr antwortet.
- EXCH-OLD wurde am Sonntag um 22:30 Uhr abgeschaltet.

## Was versucht wurde

- Das Profil wurde neu angelegt, und alles ist gelöst.

## Aktuelle Hypothese

Der Name zeigte noch auf den abgeschalteten Server.

## Empfohlene nächste Schritte

1. Mit Dana nach dem Neustart um 16:00 Uhr klären, ob die Anmeldung ohne Abfrage klappt.
2. Falls die Abfrage wiederkommt, autodiscover.example.com auf einem anderen Rechner auflösen.
"""


def session(*more: SessionEvent, **last_outcome: Any) -> Bundle:
    """The session of `answers`, for a package in German."""
    return build.bundle(*answers.events(*more, **last_outcome), reason=answers.REASON, language=GERMAN)


def good() -> dict[str, Any]:
    return copy.deepcopy(_ANSWER)


def text(answer: dict[str, Any] | None = None) -> str:
    return json.dumps(answer or good())


def with_step(step: str) -> str:
    """The good answer with another third step."""
    answer = good()
    answer["next_steps"][2]["text"] = step
    return text(answer)


def with_text(part: str, said: str) -> str:
    """The good answer with another problem or hypothesis."""
    answer = good()
    answer[part]["text"] = said
    return text(answer)
