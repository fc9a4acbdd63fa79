"""The redaction key is replaced: the new one makes fingerprints, those of the old one are still recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.redaction import FoundSecret, KnownSecret, Redactor, Scope
from consumer.domain.redaction.placeholders import PLACEHOLDER

OLD, NEW = b"the old key of the service", b"the new key of the service"
SECRET = "Winter-2026-horse"
SCHEMA = {"parameters": [{"key": "p", "field_type": "password"}]}
values = st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=24)


def scope(key: bytes, *others: bytes) -> Scope:
    return Redactor(key, others).scope("tenant", "session")


def marked(value: str, door: Scope) -> tuple[str, dict[str, FoundSecret]]:
    """What the door leaves of a marked parameter, and the secrets that it seen."""
    left = door.parameters(SCHEMA, {"p": value})
    assert isinstance(left, dict)
    return str(left["p"]), {secret.identity: secret for secret in door.found_secrets()}


def known_by(key: bytes, *values: str) -> dict[str, KnownSecret]:
    """Secrets as a service with this key has stored them."""
    known: dict[str, KnownSecret] = {}
    for value in values:
        door = scope(key)
        _, seen = marked(value, door)
        known |= {secret.identity: secret for secret in door.learn(known, seen).fresh}
    return known


def identities(text: str) -> list[str]:
    return [match[2] for match in PLACEHOLDER.finditer(text)]


@given(values)
def test_what_the_old_key_knew_leaves_texts_with_the_new_one(value: str) -> None:
    known = known_by(OLD, value)
    text = f"They typed {value} twice, {value}!"
    swept = scope(NEW, OLD).sweep(text, known.values())
    assert value not in swept
    assert swept == scope(OLD).sweep(text, known.values())


def test_without_the_old_key_it_would_stay() -> None:
    known = known_by(OLD, SECRET)
    assert scope(NEW).sweep(f"It was {SECRET}.", known.values()) == f"It was {SECRET}."


def test_a_secret_that_comes_again_keeps_its_name_and_is_not_stored_twice() -> None:
    known = known_by(OLD, SECRET)
    door = scope(NEW, OLD)
    left, seen = marked(SECRET, door)
    learned = door.learn(known, seen)
    assert learned.fresh == ()
    assert identities(learned.arriving.text(left)) == [*known]
    assert identities(learned.arriving.text(f"{SECRET} and {left}")) == [*known, *known]


def test_a_new_secret_is_fingerprinted_with_the_new_key_alone() -> None:
    known = known_by(OLD, SECRET)
    door = scope(NEW, OLD)
    _, seen = marked("Another-secret-1", door)
    (fresh,) = door.learn(known, seen).fresh
    assert "Another" not in scope(NEW).sweep("Another-secret-1", [fresh])
    assert "Another" in scope(OLD).sweep("Another-secret-1", [fresh])


@pytest.mark.parametrize(("first", "second"), [(SECRET, f"user={SECRET};host=db"), (f"user={SECRET};host=db", SECRET)])
def test_a_secret_within_a_secret_over_the_rotation(first: str, second: str) -> None:
    known = known_by(OLD, first)
    door = scope(NEW, OLD)
    left, seen = marked(second, door)
    learned = door.learn(known, seen)
    both = known | {secret.identity: secret for secret in learned.fresh}
    for text in (first, second, f"{second} {first}"):
        assert SECRET not in scope(NEW, OLD).sweep(text, both.values())
        stored = scope(OLD).sweep(text, known.values())
        assert SECRET not in learned.stored.text(stored)
    assert SECRET not in learned.arriving.text(f"{left} {first}")


def test_replicas_with_the_keys_in_either_order_understand_each_other() -> None:
    known = known_by(OLD, SECRET)
    known |= {
        secret.identity: secret
        for secret in scope(NEW, OLD).learn(known, marked("Another-1", scope(NEW, OLD))[1]).fresh
    }
    text = f"{SECRET} Another-1"
    for mine in (scope(NEW, OLD), scope(OLD, NEW)):
        assert PLACEHOLDER.sub("", mine.sweep(text, known.values())).strip() == ""


@given(st.lists(values, min_size=1, max_size=4, unique=True), values)
def test_a_swept_text_stays_as_it_is(before: list[str], after: str) -> None:
    known = known_by(OLD, *before)
    door = scope(NEW, OLD)
    left, seen = marked(after, door)
    learned = door.learn(known, seen)
    swept = learned.arriving.text(" ".join([*before, left]))
    assert learned.stored.text(swept) == swept


def test_an_empty_key_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="empty"):
        Redactor(NEW, [b""])
    assert "key of" not in repr(Redactor(NEW, [OLD]))
