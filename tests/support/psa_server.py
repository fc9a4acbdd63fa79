"""A loopback PSA that plays ConnectWise, Autotask and HaloPSA as far as a sync of notes needs them.

It keeps every note and logs every call. Faults are ordered by ticket. It runs in a thread with a loop of its own, so
that tests and syncs in other processes can use it alike.
"""

import asyncio
import itertools
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from tests.support.loopback import LoopbackServer

HEADERS = {"Authorization": "Basic for-tests-only"}
PUBLISH, NOTE_TYPE, OUTCOME = 2, 3, 17
"""What the tenant's own lists allow."""
ANY = "any ticket"
LONGEST_TITLE, LONGEST_DESCRIPTION = 250, 32_000

Kind = Literal["busy", "bad gateway", "threads", "missing", "closed", "no right", "no action", "lost answer", "slow"]
System = Literal["connectwise", "autotask", "halopsa"]


@dataclass(kw_only=True)
class KeptNote:
    """A note as the system shows it."""

    id: int
    system: str
    ticket: str
    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PsaCall:
    """A call as it came, with the status that it got; 0 where the answer was dropped."""

    method: str
    path: str
    body: Any
    status: int


@dataclass(kw_only=True)
class Fault:
    """Meets calls for a ticket, writing ones alone where it is about writing."""

    kind: Kind
    ticket: str
    left: int
    seconds: int = 0
    """Retry-After, or how long an answer takes."""


class Refusal(Exception):
    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers


class PsaServer(LoopbackServer):
    """The three systems."""

    name = "psa"

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._ids = itertools.count(101)
        self._faults: list[Fault] = []
        self._notes: list[KeptNote] = []
        self._calls: list[PsaCall] = []

    # for tests

    def fault(self, kind: Kind, ticket: str, *, times: int = 1_000_000, seconds: int = 0) -> Fault:
        """Meets the next calls for the ticket; `over` ends it."""
        made = Fault(kind=kind, ticket=ticket, left=times, seconds=seconds)
        with self._lock:
            self._faults.append(made)
        return made

    def over(self, fault: Fault) -> None:
        with self._lock:
            self._faults.remove(fault)

    def keep(self, system: System, ticket: str, text: str) -> int:
        """A note that somebody else wrote."""
        return self._store(system, ticket, text, {}).id

    def forget(self, note_id: int) -> None:
        """Somebody deletes the note."""
        with self._lock:
            self._notes = [note for note in self._notes if note.id != note_id]

    def notes(self, system: System | None = None, ticket: str | None = None) -> list[KeptNote]:
        with self._lock:
            return [
                note
                for note in self._notes
                if (system is None or note.system == system) and (ticket is None or note.ticket == ticket)
            ]

    @property
    def calls(self) -> list[PsaCall]:
        with self._lock:
            return list(self._calls)

    @property
    def writes(self) -> list[PsaCall]:
        return [call for call in self.calls if call.method != "GET"]

    def settings(self, system: System) -> dict[str, Any]:
        """What a sync has to know of the system."""
        mine = {
            "connectwise": {},
            "autotask": {"publish": PUBLISH, "noteType": NOTE_TYPE},
            "halopsa": {"outcome_id": OUTCOME},
        }
        return {"url": f"{self.url}/{system}/", "headers": HEADERS} | mine[system]

    # the systems

    def _store(self, system: str, ticket: str, text: str, fields: dict[str, Any]) -> KeptNote:
        with self._lock:
            note = KeptNote(id=next(self._ids), system=system, ticket=ticket, text=text, fields=fields)
            self._notes.append(note)
            return note

    def _change(self, system: str, ticket: str, note_id: int, text: str, fields: dict[str, Any]) -> KeptNote:
        for note in self.notes():
            # HaloPSA changes an action by its id, whatever ticket is named.
            if note.id == note_id and note.system == system and ticket in {note.ticket, ANY}:
                note.text, note.fields = text, note.fields | fields
                return note
        raise Refusal(404, "no such note")

    def _connectwise(self, method: str, ticket: str, note_id: str | None, body: Any) -> Any:
        if method == "GET":
            return [{"id": note.id, "text": note.text} for note in reversed(self.notes("connectwise", ticket))]
        if method == "POST":
            if body.keys() != {"text", "internalAnalysisFlag"} or body["internalAnalysisFlag"] is not True:
                raise Refusal(400, "the note is for the inside alone")
            note = self._store("connectwise", ticket, body["text"], body)
        else:
            (change,) = body
            if (change["op"], change["path"]) != ("replace", "text"):
                raise Refusal(400, "unknown change")
            note = self._change("connectwise", ticket, int(note_id or 0), change["value"], {})
        return {"id": note.id, "text": note.text}

    def _autotask(self, method: str, ticket: str, _note_id: str | None, body: Any) -> Any:
        if method == "GET":
            notes = [{"id": note.id, "description": note.text} for note in self.notes("autotask", ticket)]
            return {"items": notes, "pageDetails": {"nextPageUrl": None}}
        if len(body["title"]) > LONGEST_TITLE or len(body["description"]) > LONGEST_DESCRIPTION:
            raise Refusal(500, json.dumps({"errors": ["longer than the field"]}))
        if method == "PATCH":
            return {"itemId": self._change("autotask", ticket, body["id"], body["description"], body).id}
        if (body["publish"], body["noteType"]) != (PUBLISH, NOTE_TYPE):
            raise Refusal(500, json.dumps({"errors": ["no such picklist value"]}))
        return {"itemId": self._store("autotask", ticket, body["description"], body).id}

    def _halopsa(self, method: str, ticket: str, _note_id: str | None, body: Any) -> Any:
        if method == "GET":
            notes = self.notes("halopsa", ticket)
            return {"record_count": len(notes), "actions": [{"id": n.id, "note_html": n.text} for n in notes]}
        (action,) = body
        if action.get("outcome_id") != OUTCOME:
            raise Refusal(400, "an outcome is wanted that the user may use")
        if action.get("hiddenfromuser") is not True:
            raise Refusal(400, "the note is for the inside alone")
        text = action["note_html"]
        if "id" in action:
            return [{"id": self._change("halopsa", ANY, action["id"], text, action).id}]
        return [{"id": self._store("halopsa", ticket, text, action).id}]

    # the server

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route(
            "*", "/connectwise/service/tickets/{ticket}/notes", self._taking(self._connectwise)
        )
        application.router.add_patch(
            "/connectwise/service/tickets/{ticket}/notes/{note}", self._taking(self._connectwise)
        )
        application.router.add_route("*", "/autotask/Tickets/{ticket}/Notes", self._taking(self._autotask))
        application.router.add_route("*", "/halopsa/actions", self._taking(self._halopsa))
        return application

    def _taking(
        self, system: Callable[[str, str, str | None, Any], Any]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def take(request: web.Request) -> web.StreamResponse:
            body: Any = await request.json() if request.can_read_body else None
            ticket = request.match_info.get("ticket") or request.query.get("ticket_id") or str(body[0]["ticket_id"])
            fault = self._met(request.method, ticket)
            try:
                await _refuse(fault, request.headers.get("Authorization"))
                spoken = fault is None or fault.kind != "no action"
                answer = system(request.method, ticket, request.match_info.get("note"), body) if spoken else []
            except Refusal as refusal:
                self._log(request, body, refusal.status)
                return web.Response(status=refusal.status, text=refusal.text, headers=refusal.headers)
            if fault is not None and fault.kind == "lost answer" and request.transport is not None:
                self._log(request, body, 0)
                request.transport.abort()
                return web.Response()
            self._log(request, body, 200)
            return web.json_response(answer)

        return take

    def _met(self, method: str, ticket: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                of_writing = fault.kind in {"closed", "no right", "no action", "lost answer", "slow"}
                if fault.ticket == ticket and fault.left > 0 and not (of_writing and method == "GET"):
                    fault.left -= 1
                    return fault
        return None

    def _log(self, request: web.Request, body: Any, status: int) -> None:
        with self._lock:
            self._calls.append(PsaCall(method=request.method, path=request.path_qs, body=body, status=status))


async def _refuse(fault: Fault | None, credential: str | None) -> None:
    if credential != HEADERS["Authorization"]:
        raise Refusal(401, "who are you?")
    if fault is None:
        return
    wait = {"Retry-After": str(fault.seconds)} if fault.seconds else {}
    match fault.kind:
        case "busy":
            raise Refusal(429, "slow down", **wait)
        case "bad gateway":
            raise Refusal(502, "<html>Bad Gateway</html>")
        case "threads":
            raise Refusal(409, json.dumps({"errors": ["Itgenatr005: three threads are in use"]}), **wait)
        case "missing":
            raise Refusal(404, "no such ticket")
        case "closed":
            raise Refusal(400, "the ticket is closed")
        case "no right":
            raise Refusal(403, "the user may not")
        case "slow":
            await asyncio.sleep(fault.seconds)
        case _:
            return
