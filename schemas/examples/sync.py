"""A PSA sync to start from: every package becomes one internal note, whatever is killed when (see ../README.md)."""

import argparse
import asyncio
import json
import logging
import os
import sqlite3
import time
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin
from uuid import NAMESPACE_URL, uuid5

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener

Json = dict[str, Any]
OPTIONS: dict[str, tuple[str | float, str]] = {
    "kafka": ("127.0.0.1:9092", "bootstrap servers"),
    "prefix": ("", "prefix of the topics and the group"),
    "instance": ("", "a name of this process alone, with which a restart keeps its partitions"),
    "rows": ("notes.sqlite", "file of the rows; keep it as long as the tickets"),
    "psas": ("psas.json", "{tenant: {audience: {system or system/connection: {url, headers, ...}}}}, read each time"),
    "since-hours": (24.0, "pass over what was older than this when the file of rows was made"),
    "replay-seconds": (2.0, "pause between packages that a replay asked for; live ones pass them by"),
}
KINDS = READY, WITHDRAWN, FAILED = [f"escalation.package_{kind}.v1" for kind in ("ready", "withdrawn", "failed")]
NEW = '{"revision": -1, "content_sha256": null, "ticket": null, "note_id": null, "state": "new", "reason": null}'
log = logging.getLogger("sync")


class PassingError(Exception):
    """Comes right by waiting; its second argument says how many seconds, if the PSA did."""


class PermanentError(Exception):
    """Fails again however often it is tried."""


def requests_of(system: str, my: Json, ticket: str, title: str, plain: str, html: str) -> tuple[Any, Any, Any]:
    """Where the system lists a ticket's notes, what posts the note there, and what changes the one with an id."""
    if system == "connectwise":  # plain text: how it renders markdown is undocumented
        path, change = f"service/tickets/{ticket}/notes", [{"op": "replace", "path": "text", "value": plain}]
        post: Any = ("POST", path, {"text": plain, "internalAnalysisFlag": True})
        return f"{path}?pageSize=1000&orderBy=id desc", post, lambda note: ("PATCH", f"{path}/{note}", change)
    if system == "autotask":  # the child URL; who sees the note is the tenant's own picklist value
        path, fields = f"Tickets/{ticket}/Notes", {"title": title[:250], "description": plain}
        post = "POST", path, fields | {"publish": my["publish"], "noteType": my["noteType"]}
        return path, post, lambda note: ("PATCH", path, fields | {"id": int(note)})
    body = {"ticket_id": ticket, "note_html": html, "hiddenfromuser": True, "outcome_id": my["outcome_id"]}
    post = "POST", "actions", [body]
    return f"actions?ticket_id={ticket}&count=1000", post, lambda note: ("POST", "actions", [body | {"id": int(note)}])


class Sync(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """One record at a time: note, row, feedback, offset, in this order. What a kill interrupts is done again."""

    def __init__(self, options: argparse.Namespace, http: aiohttp.ClientSession, producer: AIOKafkaProducer) -> None:
        self.options, self.http, self.producer, self.busy = options, http, producer, asyncio.Lock()
        self.waits: dict[Any, tuple[float, float]] = {}
        self.rows = sqlite3.connect(options.rows, timeout=30, isolation_level=None)
        self.rows.executescript(f"""CREATE TABLE IF NOT EXISTS notes (note_key PRIMARY KEY, row);
            CREATE TABLE IF NOT EXISTS held (topic, partition, event, note_key PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS begun AS SELECT {time.time() - 3600 * options.since_hours} AS since;""")

    async def on_partitions_revoked(self, _partitions: Any) -> None:
        async with self.busy:  # the next owner begins when the record in work is done
            self.waits.clear()

    on_partitions_assigned = on_partitions_revoked

    async def call(self, my: Json, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. 401 passes: a credential ran out, and nothing is wrong with the package."""
        try:
            async with self.http.request(method, urljoin(my["url"], path), json=body, headers=my["headers"]) as answer:
                text, wait = await answer.text(), answer.headers.get("Retry-After", "")
            said = f"{method} {path}: {answer.status} {text[:200]}"
            if answer.ok:
                return json.loads(text)
            if answer.status in {401, 408, 429} or answer.status >= 500 or "Itgenatr005" in text:
                raise PassingError(said, int(wait) if wait.isdigit() else None)
            raise PermanentError(said)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PassingError(f"{method} {path}: {error!r}", None) from error

    async def write(self, data: Json, ticket: Json, note_id: Any, mark: str = "") -> Any:
        """Changes the note with the id, or ours that is found, or posts it, where it is no mark. Returns its id."""
        text, under = mark or data["plain_text"], [line for line in (data.get("footer"), data["marker"]) if line]
        shown = (not mark and data.get("html")) or "<p>" + escape(text).replace("\n", "<br>") + "</p>"
        forms = "\n".join([text, *under, ""]), shown + "".join(f"<p>{escape(line)}</p>" for line in under)
        try:  # without a mapping it is refused: others might read the note
            mine = json.loads(Path(self.options.psas).read_text())[data["tenant_id"]][data.get("audience", "internal")]
            my = mine.get(f"{ticket['system']}/{ticket['connection_id']}") or mine[ticket["system"]]
            number, title = quote(ticket["ticket_id"], safe=""), data.get("title", "Handoff")
            listed, post, change = requests_of(ticket["system"], my, number, title, *forms)
        except (KeyError, TypeError) as error:
            raise PermanentError(f"no ticket, or no mapping for it: {ticket}") from error
        if note_id is None:
            answer, stem = await self.call(my, "GET", listed), data["marker"].rpartition("r")[0]
            notes = answer if isinstance(answer, list) else answer.get("items") or answer.get("actions") or []
            note_id = min((note["id"] for note in notes if stem in json.dumps(note)), default=None)
            if mark and note_id is None:
                return None
        answer = await self.call(my, *(change(note_id) if note_id else post))
        kept = (answer or [{}])[0] if isinstance(answer, list) else answer
        if made := kept.get("id") or kept.get("itemId"):
            return str(made)
        raise PermanentError("the PSA kept no note: the user may not write this kind")

    async def place(self, data: Json, row: Json, gone: bool) -> Json:
        """The row, once the tickets show what it says. Done again after a kill, it finds its own note."""
        ticket, former = data["psa_ticket"], row["ticket"] or data.get("previous_psa_ticket")
        if gone:
            await self.write(data, former or ticket, row["note_id"], f"Handoff withdrawn: {data['reason']}.\n")
            return row | {"state": "withdrawn"}
        note_id = row["note_id"] if row["ticket"] == ticket else None
        if not note_id or row["content_sha256"] != data["content_sha256"]:
            note_id = await self.write(data, ticket, note_id)
        if former not in (None, ticket) and (note_id, ticket["system"]) != (row["note_id"], former["system"]):
            try:
                await self.write(data, former, row["note_id"], f"Handoff moved to {data['target_ticket_ref']}.\n")
            except PermanentError as error:
                log.warning("%s: the note on the ticket before stays unmarked: %s", data["note_key"], error)
        return row | {"state": "posted", "content_sha256": data["content_sha256"], "ticket": ticket, "note_id": note_id}

    async def work(self, key: Any, event: Json) -> bool:
        """Note, row and feedback of the event. False when it has to wait; `waits` says until when, by its key."""
        data, gone = event["data"], event["type"] == WITHDRAWN
        if event["type"] == FAILED:
            data = {"revision": 0, "content_sha256": None, "plain_text": f"No handoff: {data['detail']}\n"} | data
        row = json.loads(next(self.rows.execute("SELECT row FROM notes WHERE note_key = :note_key", data), [NEW])[0])
        if row["state"] != "withdrawn" and (gone or row["revision"] < data["revision"]):
            try:
                row = await self.place(data, row | {"reason": None}, gone)
            except PassingError as error:
                delay = min(60.0, 2 * self.waits.get(key, (0, 0.5))[1])
                self.waits[key] = time.monotonic() + (error.args[1] or delay), delay
                log.warning("%s waits %g s: %s", data["note_key"], error.args[1] or delay, error.args[0])
                return False
            except PermanentError as error:
                row |= {"state": "withdrawn" if gone else "failed", "reason": str(error), "note_id": None}
                log.warning("%s: %s", data["note_key"], error)
            row["revision"] = max(row["revision"], data["revision"] or 0)
            self.rows.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", [data["note_key"], json.dumps(row)])
        if event["type"] == READY and row["revision"] == data["revision"] and row["state"] != "withdrawn":
            feedback = event | {"type": "escalation.package_feedback.v1", "source": "/psa-sync"}
            feedback["id"] = str(uuid5(NAMESPACE_URL, f"psa-sync/{event['id']}/{row['state']}"))
            feedback["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            note = {"note_id": row["note_id"], "reason": row["reason"]}
            feedback["data"] = {"package_id": event["id"], "outcome": row["state"], **note}
            topic = f"{self.options.prefix}escalation-package-feedback"
            await self.producer.send_and_wait(topic, json.dumps(feedback).encode(), key=event["subject"].encode())
        self.rows.execute("DELETE FROM held WHERE note_key = :note_key", data)
        self.waits.pop(key, None)
        return True

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Takes live records in their order and, slowly and between them, what replays asked for."""
        topics = [f"{self.options.prefix}escalation-package-{kind}" for kind in ("ready", "failed")]
        consumer.subscribe(topics, listener=self)
        since = next(self.rows.execute("SELECT since FROM begun"))[0]
        while True:
            consumer.resume(*(at for at in consumer.paused() if self.waits.get(at, (0, 0))[0] <= time.monotonic()))
            batch = await consumer.getmany(timeout_ms=200, max_records=1)
            async with self.busy:
                for partition, (record,) in batch.items():
                    event = json.loads(record.value)
                    young = record.timestamp >= 1000 * since and event["type"] in KINDS
                    if young and event["data"].get("cause") == "replay":
                        held = [*partition, record.value, event["data"]["note_key"]]
                        self.rows.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", held)
                    elif young and not await self.work(partition, event):
                        consumer.seek(partition, record.offset)
                        consumer.pause(partition)
                        continue
                    await consumer.commit({partition: record.offset + 1})
                mine = (row for row in self.rows.execute("SELECT * FROM held") if row[:2] in consumer.assignment())
                due = self.waits.get("replays", (0, 0))[0] <= time.monotonic()
                if due and (row := next(mine, None)) and await self.work("replays", json.loads(row[2])):
                    self.waits["replays"] = time.monotonic() + self.options.replay_seconds, 0.5


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, (default, text) in OPTIONS.items():
        given = os.environ.get(f"SYNC_{name.replace('-', '_').upper()}", default)
        parser.add_argument(f"--{name}", default=given, type=type(default), help=f"{text} (%(default)s)")
    options = parser.parse_args()
    member = {"group_id": f"{options.prefix}psa-sync", "group_instance_id": options.instance or None}
    reading = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(bootstrap_servers=options.kafka, rebalance_timeout_ms=120_000, **member, **reading)
    producer = AIOKafkaProducer(bootstrap_servers=options.kafka, enable_idempotence=True)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http, producer, consumer:
        await Sync(options, http, producer).run(consumer)


if __name__ == "__main__":
    asyncio.run(main())
