"""Legal records of up to 1 MiB that are made to be slow to decode, in kinds.

Detectors' lead-ins come from the detectors' own table and from the labelled cases: a new detector is covered at once.
"""

import json
import random
import string
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from consumer.domain.arrival.limits import MAX_BYTES, MAX_PARAMETERS
from consumer.domain.events import Record
from consumer.domain.redaction.detectors import RULES, Family
from schemas.topics import REQUESTS
from tests.support.wire import change, record, request

_SECRETS = Path(__file__).parents[1] / "golden" / "secrets"
_ENVELOPE_BYTES = 1_024
"""Of the record around its texts, at most."""

Json = Any


class Kind(NamedTuple):
    """A kind of hostile record."""

    name: str
    make: Callable[[int], Record]
    """A record of at most so many bytes, and nearly as many."""


def fact(text: str) -> Record:
    return _change("session.fact_recorded.v1", {"fact_id": "f", "text": text, "source_type": "note"})


def intake(text: str) -> Record:
    return _change("session.opened.v1", {"title": "t", "intake_text": text})


def notes(text: str) -> Record:
    return _change(
        "session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "applied_partial", "partial_notes": text}
    )


def unknown_field(text: str) -> Record:
    return _change("session.closed.v1", {"resolution": "done", "newer": {"inner": text}})


def actor(text: str) -> Record:
    return record(json.dumps(change("session.closed.v1", {}, actor=text), ensure_ascii=False).encode())


def reason(text: str) -> Record:
    return record(json.dumps(request(reason=text), ensure_ascii=False).encode(), topic=REQUESTS)


def binary(text: str) -> Record:
    attributes = change("session.described.v1")
    headers = {f"ce_{name}": str(value).encode() for name, value in attributes.items() if name != "data"}
    return record(json.dumps({"problem_summary": text}, ensure_ascii=False).encode(), headers=headers)


def parameter(value: Json, name: str = "note") -> Record:
    return script({name: value})


def script(parameters: Json, schema: Json = None) -> Record:
    template = {"name": "n", "parameters_schema": schema}
    return _change(
        "session.script_generated.v1", {"generation_id": "g", "template": template, "parameters_used": parameters}
    )


def schema(value: Json) -> Record:
    return script({}, value)


def snapshot(**rows: Json) -> Record:
    return _change("session.snapshot.v1", rows)


TEXT_FIELDS: tuple[Callable[[str], Record], ...] = (
    fact, intake, notes, unknown_field, actor, reason, binary, parameter, schema
)  # fmt: skip


def lead_ins() -> Iterator[Kind]:
    """Each anchor of each rule, repeated."""
    anchors = sorted({anchor for rule in RULES for anchor in rule.anchors})
    for number, anchor in enumerate(anchors):
        for name, unit in (
            ("", anchor),
            (" and a sign", f"{anchor}=a1! "),
            (" in a sentence", f"{anchor} is Qx7!k\n"),
            (" in a longer one", f"{anchor} for the new big printer in the hall on the second floor by\n"),
        ):
            yield _repeated(f"{anchor!r}{name}", unit, TEXT_FIELDS[number % len(TEXT_FIELDS)])


def labelled() -> Iterator[Kind]:
    """Each labelled case, repeated: texts with secrets, and near-misses."""
    for number, row in enumerate(_cases()):
        name = f"{'secret' if row['secrets'] else 'near-miss'} {row['text'][:32]!r}"
        yield _repeated(name, row["text"] + "\n", TEXT_FIELDS[number % len(TEXT_FIELDS)])


def families() -> Iterator[Kind]:
    """As `lead_ins` and `labelled`, all of a family together."""
    for number, family in enumerate(Family):
        mine = [row for row in _cases() if row["family"] == family]
        anchors = sorted({anchor for rule in RULES if rule.family is family for anchor in rule.anchors})
        secrets = "\n".join(row["text"] for row in mine if row["secrets"])
        near_misses = "\n".join(row["text"] for row in mine if not row["secrets"])
        units = {"lead-ins": " ".join(anchors) + " ", "secrets": secrets + "\n", "near-misses": near_misses + "\n"}
        for place, (name, unit) in enumerate(units.items()):
            yield _repeated(f"{family} {name}", unit, TEXT_FIELDS[(number + 3 * place) % len(TEXT_FIELDS)])


def _cases() -> Iterator[dict[str, Json]]:
    for path in sorted(_SECRETS.glob("*.jsonl")):
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def texts() -> Iterator[Kind]:
    """Texts that are slow for other reasons than one lead-in."""
    for name, unit, field in (
        ("one token", "x", fact),
        ("one token of digits", "7", notes),
        ("blanks", " ", intake),
        ("line ends", "\n", fact),
        ("a lead-in and blanks", "password" + " " * 4_000, fact),
        ("quotes", '"', reason),
        ("backslashes", "\\", fact),
        ("brackets behind a lead-in", "pw=a" + ")" * 250, fact),
        ("dots behind a lead-in", "pw=a" + "." * 250, parameter),
        ("open quotes behind a lead-in", 'pw="' + "a" * 600, fact),
        ("ampersands behind a lead-in", "pw=a" + "&a" * 120, notes),
        ("emoji", "\N{KEY}\N{LOCK}", intake),
        ("combining marks", "e\u0301\u0327", fact),
        ("dotted capitals", "\u0130 pw ", fact),
        ("control characters", "\x01\x1f", fact),
        ("U+0000 and lead-ins", "\x00pw=ab1!", parameter),
        ("URLs with credentials", "https://user:Pa55!word@host/ ", fact),
        ("URLs with credentials in queries", "?sig=aB3dE5gH7jK9mN1pQ3sT5&code=aB3dE5gH7jK9mN1pQ3sT5 ", binary),
        ("keys that begin and never end", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n", fact),
        ("keys that begin", "-----BEGIN PRIVATE KEY-----", intake),
        ("connection strings", "Server=tcp:db,1433;User ID=sa;Password=Xy7!kk;Encrypt=True\n", fact),
        ("web tokens", f"eyJ{'a' * 40}.{'b' * 40}.{'c' * 40} ", fact),
        ("one web token", "eyJ.", fact),
        ("torn web tokens", " eyJ" + "a" * 8_000, fact),
        ("cookies", "cookie: " + "a=bcdefgh1jklmno; " * 60 + "\n", fact),
        ("digits in groups", "-000000", fact),
        ("pairs", "admin / Qx7!kkk\n", reason),
        ("placeholders", "[REDACTED:password:0123456789abcdef]", fact),
        ("broken placeholders", "[REDACTED:password:", fact),
        ("placeholders and lead-ins", "pw=[REDACTED:password:0123456789abcdef] pw ", fact),
        ("values before the word", "Qx7!kkk as the password ", fact),
        ("pairs that begin", "user a with b1x ", fact),
        ("arrows behind a value", "Xy1!abc <-- login ", fact),
        ("digits in words", "pin one two three x ", fact),
        ("letters told", "password capital B, small r, capital ", fact),
        ("lists of codes", "backup codes:\n1234 5678\n2345 6789\n", fact),
        ("signs within words", "login ab1!cd2$ef3&gh4 ", fact),
        ("questions in a chat", "what is the password?\nbob: x\n", fact),
        ("values that changed", "password for the new NAS of the site was changed from x ", fact),
        ("columns of secrets", "pin|password|" * 12 + "\n" + ("x1!yyyy|z2!wwww|" * 12 + "\n") * 100, fact),
        ("rows of HTML", "<tr><td>user</td><td>password</td></tr><tr><td>x1!yyyy</td><td>z2!wwww</td></tr>", fact),
        ("aligned columns", "pin  password\n---  --------\n" + "x1!yyyy  z2!wwww\n" * 100, fact),
        ("arrows and dots", "password -> x password ........ x password:\n\nx\n", fact),
        ("letters that nobody sees", "pass\u200bword: Qx7!kkk ", fact),
        ("recovery keys", "recovery key 123456 123456 ", fact),
        ("every kind of verb", "password for the new NAS was changed to ", fact),
        ("lines of a log", "09:00:00 srv sshd[7]: Failed password for user bob from 10.0.0.9 port 22\n", parameter),
        ("option lines", "mysql -u root -h db -x -y -z ", fact),
        ("one secret again and again", "password: Qx7!kkk-0o\n", fact),
    ):  # fmt: skip
        yield _repeated(name, unit, field)
    yield Kind("base64", lambda size: fact(_noise(size, string.ascii_letters + string.digits + "+/")))
    yield Kind("base64 of lead-ins", lambda size: fact(b64encode(b"password=Qx7!kkk " * (size // 24)).decode()))
    yield Kind("signs", lambda size: fact(_noise(size * 9 // 10, string.punctuation + " ")))
    yield Kind("different secrets", lambda size: fact("".join(f"pw=a{n:06x}! " for n in range(size // 13))))
    yield Kind("encoded commands", _encoded_commands)
    yield Kind("JSON in a text", lambda size: fact(json.dumps([{"password": "Qx7!kkk"}] * (size // 30))))
    yield Kind("JSON in JSON in a text", lambda size: fact(json.dumps(json.dumps([{"pw": "a1!"}] * (size // 29)))))


def structures() -> Iterator[Kind]:
    """Values of many pieces, deep ones, and many parameters."""
    marked = {"parameters": [{"key": f"p{n}", "field_type": "password"} for n in range(MAX_PARAMETERS)]}
    yield _many("numbers in a parameter", "0", lambda n: parameter([0] * n))
    yield _many("long numbers", "-1.2345678901234567e+300", lambda n: parameter([-1.2345678901234567e300] * n))
    yield Kind("integers of 4,000 digits", lambda size: parameter([10**3_999] * (size // 4_001)))
    yield _many("words in a parameter", '"x"', lambda n: parameter(["x"] * n))
    yield _many("short texts", '"X1"', lambda n: parameter(["X1"] * n))
    yield _many("short texts and lead-ins", '"X1"', lambda n: parameter((["X1"] * 200 + ["pw"]) * (n // 201)))
    yield _many("numbers and texts", '0,"X1"', lambda n: parameter([7, "X1"] * n))
    yield _many("lists of a number", "[7]", lambda n: parameter([[7]] * n))
    yield _many("lists of a number and U+0000", "[7]", lambda n: parameter(["\x00", *[[7]] * (n - 9)]))
    yield _many("secret shapes", '"Qx7!k123"', lambda n: parameter(["Qx7!k123"] * n))
    yield _many("lead-ins in a parameter", '"pw=a1!"', lambda n: parameter(["pw=a1!"] * n))
    yield _many("empty lists", "[]", lambda n: parameter([[]] * n))
    yield _many("empty objects", "{}", lambda n: parameter([{}] * n))
    yield _many("objects", '{"a":0}', lambda n: parameter([{"a": 0}] * n))
    yield _many("objects with secrets", '{"password":"a1"}', lambda n: parameter([{"password": "a1"}] * n))
    yield _many("many names", '"123456":0', lambda n: parameter({f"{i:06}": 0 for i in range(n)}))
    yield _many("many secret names", '"pw123456":1', lambda n: parameter({f"pw{i:06}": 7 for i in range(n)}))
    yield _many("numbers in a secret", "0", lambda n: parameter([0] * n, "password"))
    yield _many("texts in a secret", '"123456"', lambda n: parameter([f"{i:06x}" for i in range(n)], "password"))
    yield _many(
        "lists in a secret", "[]", lambda n: script({"p": [[]] * n}, {"parameters": [{"key": "p", "sensitive": True}]})
    )
    yield _many("numbers with U+0000", "0", lambda n: parameter(["\x00", *[0] * (n - 9)]))
    yield Kind("parameters", lambda size: script({f"p{n}": "pw=a1! " * (size // 9_000) for n in range(MAX_PARAMETERS)}))
    yield Kind(
        "marked parameters",
        lambda size: script({f"p{n}": "a1!x" * (size // 4_300) for n in range(MAX_PARAMETERS)}, marked),
    )
    yield Kind("nesting", lambda size: parameter([_nested(58)] * (size // 119)))
    yield Kind("nested secrets", lambda size: parameter([{"password": _nested(55)}] * (size // 130)))
    yield _many(
        "a schema's entries",
        '{"key":"k123456","field_type":"password","default":"d123456"}',
        lambda n: schema(
            {"parameters": [{"key": f"k{i:06}", "field_type": "password", "default": f"d{i:06}"} for i in range(n)]}
        ),
    )
    yield _many(
        "facts",
        '{"fact_id":"f123456","text":"ab","source_type":"n"}',
        lambda n: snapshot(facts=[{"fact_id": f"f{i:06}", "text": "ab", "source_type": "n"} for i in range(n)]),
    )
    yield _many(
        "facts with secrets",
        '{"fact_id":"f123456","text":"pw=a123456","source_type":"n"}',
        lambda n: snapshot(
            facts=[{"fact_id": f"f{i:06}", "text": f"pw=a{i:06}", "source_type": "n"} for i in range(n)]
        ),
    )
    yield _many(
        "fixes",
        '{"fix_id":"f","title":"t","description":"d","confidence_pct":49.5}',
        lambda n: snapshot(fixes=[{"fix_id": "f", "title": "t", "description": "d", "confidence_pct": 49.5}] * n),
    )
    yield _many(
        "scripts",
        '{"generation_id":"f123456","parameters_used":{}}',
        lambda n: snapshot(scripts=[{"generation_id": f"f{i:06}", "parameters_used": {}} for i in range(n)]),
    )
    yield _many(
        "unknown rows", '{"a":"pw=a1!"}', lambda n: _change("session.closed.v1", {"newer": [{"a": "pw=a1!"}] * n})
    )
    yield _many("unknown numbers", "0", lambda n: _change("session.closed.v1", {"newer": [0] * n}))
    yield _many("unknown lists", "[]", lambda n: _change("session.closed.v1", {"newer": [[]] * n}))
    yield _many(
        "unknown attributes",
        '"a123456":0',
        lambda n: record(
            json.dumps(
                change("session.closed.v1", {}) | {f"a{i:06}": 0 for i in range(n)}, separators=(",", ":")
            ).encode()
        ),
    )
    yield _many("one name again and again", '"text":"pw=a1!"', lambda n: _raw('"text":"pw=a1!",' * n))
    yield _many(
        "an unknown type", '{"a":"pw=a1!"}', lambda n: _change("session.rated.v1", {"newer": [{"a": "pw=a1!"}] * n})
    )
    yield _many(
        "a refused one",
        '{"a":"pw=a1!"}',
        lambda n: _change("session.fact_recorded.v1", {"newer": [{"a": "pw=a1!"}] * n}),
    )
    yield _many("refused numbers", "0", lambda n: _change("session.fact_recorded.v1", {"newer": [0] * n}))
    yield _many("refused rows", '{"a":1}', lambda n: snapshot(facts=[{"a": 1}] * n))


def kinds() -> list[Kind]:
    """The kinds of which a test decodes each."""
    return [*texts(), *structures(), *families()]


def _change(event_type: str, data: Json) -> Record:
    return record(json.dumps(change(event_type, data), ensure_ascii=False, separators=(",", ":")).encode())


def _raw(members: str) -> Record:
    whole = json.dumps(change(data={"fact_id": "f", "text": "x", "source_type": "n"}))
    return record(whole.replace('"fact_id"', members + '"fact_id"').encode())


def _repeated(name: str, unit: str, make: Callable[[str], Record]) -> Kind:
    length = len(json.dumps(unit, ensure_ascii=False).encode()) - 2
    return Kind(f"{name} ({make.__name__})", lambda size: make(unit * max(1, (size - _ENVELOPE_BYTES) // length)))


def _many(name: str, unit: str, make: Callable[[int], Record]) -> Kind:
    return Kind(name, lambda size: make((size - _ENVELOPE_BYTES) // (len(unit) + 1)))


def _noise(size: int, letters: str) -> str:
    chosen = random.Random(7)
    return "".join(chosen.choices(letters, k=size - _ENVELOPE_BYTES))


def _encoded_commands(size: int) -> Record:
    command = b64encode(("net user x y z pw " * 30).encode("utf-16-le")).decode()
    return fact(f"powershell powershell -e {command}\n" * (size // (len(command) + 30)))


def _nested(levels: int) -> Json:
    value: Json = 0
    for _ in range(levels):
        value = [value]
    return value


def records(kinds: Iterable[Kind], size: int = MAX_BYTES) -> Iterator[tuple[str, Record]]:
    for kind in kinds:
        yield kind.name, kind.make(size)
