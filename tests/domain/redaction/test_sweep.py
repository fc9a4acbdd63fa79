"""Known secrets are found in every spelling and remembered without their text."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.arrival.door import swept_data
from consumer.domain.redaction import KnownSecret, Redactor, Scope, Sweeper, number_placeholders, sweep
from consumer.domain.redaction.fingerprints import LONGEST_HEAD, FingerprintKey
from consumer.domain.redaction.forms import spellings
from consumer.domain.redaction.placeholders import PLACEHOLDER
from consumer.domain.redaction.sweep import MOST_LOOKS, MOST_LOOKS_A_BYTE
from tests.support.remembered import remembered

KEY = b"k" * 32
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30).filter(
    lambda text: text == text.strip()
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def scope(tenant: str = "tenant", session: str = "session") -> Scope:
    return Redactor(KEY).scope(tenant, session)


def marked(value: object, door: Scope | None = None) -> tuple[KnownSecret, ...]:
    door = door or scope()
    door.parameters({"parameters": [{"key": "p", "field_type": "password"}]}, {"p": value})  # type: ignore[dict-item]
    return remembered(door)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "literal": lambda v: v,
    "inside a word": lambda v: f"aa{v}zz",
    "url": lambda v: quote(v, safe=""),
    "url lower": lambda v: re.sub("%..", lambda match: match[0].lower(), quote(v, safe="")),
    "url path": quote,
    "url plus": quote_plus,
    "base64": lambda v: b64encode(v.encode()).decode(),
    "base64 url": lambda v: urlsafe_b64encode(v.encode()).decode(),
    "base64 unpadded": lambda v: b64encode(v.encode()).decode().rstrip("="),
    "base64 of user:value": lambda v: b64encode(f"svc:{v}:x".encode()).decode(),
    "base64 shifted": lambda v: b64encode(f"{v}yy".encode()).decode(),
    "base64 utf-16": lambda v: b64encode(v.encode("utf-16-le")).decode(),
    "base64 utf-16 in a command": lambda v: b64encode(f"net use '{v}' ok".encode("utf-16-le")).decode(),
    "json": json.dumps,
    "json utf-8": lambda v: json.dumps(v, ensure_ascii=False),
    "json in json": lambda v: json.dumps(json.dumps(v)),
    "quote doubled": lambda v: "'" + v.replace("'", "''") + "'",
    "double quote doubled": lambda v: '"' + v.replace('"', '""') + '"',
    "backslashes doubled": lambda v: v.replace("\\", "\\\\"),
    "html": html.escape,
}


def survives(value: str, spelling: str, text: str) -> bool:
    """Whether the value, spelled or plain, still stands in the text around the placeholders."""
    left = PLACEHOLDER.sub("\ue000\ue001", text)
    return SPELLINGS[spelling](value) in left or value in left


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(value=values, before=texts, after=texts)
def test_no_spelling_of_a_marked_value_survives(spelling: str, value: str, before: str, after: str) -> None:
    text = before + SPELLINGS[spelling](value) + after
    swept = scope().sweep(text, marked(value))
    assert swept != text
    assert not survives(value, spelling, swept)


@given(value=values, parts=st.lists(texts, min_size=1, max_size=5))
def test_a_sweep_of_literals_is_a_replacement(value: str, parts: list[str]) -> None:
    known = marked(value)
    text = value.join(parts)
    swept = scope().sweep(text, known)
    if all(form_free(part, value) for part in parts) and not stands_in_a_spelling(text, value):
        assert swept == replaced(text, value, f"[REDACTED:secret:{known[0].identity}]")


def replaced(text: str, value: str, by: str) -> str:
    """As ``str.replace``, but a value that overlaps itself is one place, so that no piece is left."""
    parts: list[str] = []
    end = 0
    for match in re.finditer(f"(?={re.escape(value)})", text):
        if match.start() >= end:
            parts += text[end : match.start()], by
        end = match.start() + len(value)
    return "".join([*parts, text[end:]])


def stands_in_a_spelling(text: str, value: str) -> bool:
    """Whether the value and the text beside it make another spelling, such as an escaped ``\\:``."""
    return any(value in spelling != value and spelling in text for spelling in spellings([value]))


def form_free(part: str, value: str) -> bool:
    """Whether the part holds no other spelling by chance. The naive replacement knows one spelling only."""
    known = marked(value)
    return scope().sweep(part.replace(value, ""), known) == part.replace(value, "")


@given(st.lists(values, min_size=2, max_size=4, unique=True), texts)
def test_a_sweep_depends_on_the_set_of_secrets_only(secrets: list[str], between: str) -> None:
    known = [secret for value in secrets for secret in marked(value)]
    text = between.join([*secrets, *reversed(secrets)])
    assert scope().sweep(text, known) == scope().sweep(text, reversed(known))


@given(values, texts)
def test_sweeping_twice_is_sweeping_once(value: str, text: str) -> None:
    known = marked(value)
    once = scope().sweep(text + value + text, known)
    assert scope().sweep(once, known) == once


@pytest.mark.parametrize("length", [LONGEST_HEAD - 1, LONGEST_HEAD, LONGEST_HEAD + 1, 5_000])
def test_a_long_secret_goes_as_a_whole(length: int) -> None:
    value = "".join(f"{number:x}." for number in range(length))[:length]
    known = marked(value)
    for spelling in ("literal", "base64", "json"):
        swept = scope().sweep(f"<<{SPELLINGS[spelling](value)}>>", known)
        assert PLACEHOLDER.sub("", swept).strip('"') in ("<<>>", '<<"">>')
    assert scope().sweep(value[1:], known) == value[1:]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 30_000 + "b" + "a" * 30_000, "a" * 100_000),
        ("a" * 65_535 + "b", "a" * 100_000),
        ("ab" * 900, "ab" * 9_000),
    ],
)
def test_a_text_that_all_but_holds_a_long_secret_costs_no_more(
    value: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper, hashed = scope().sweeper(marked(value)), []
    fingerprint = FingerprintKey.fingerprint

    def counted(key: FingerprintKey, head: bytes) -> bytes:
        hashed.append(len(head))
        return fingerprint(key, head)

    monkeypatch.setattr(FingerprintKey, "fingerprint", counted)
    sweeper.text(text)
    assert 0 < max(hashed) <= LONGEST_HEAD


def test_many_forms_are_searched_like_few() -> None:
    secrets = [f"planted-{number:04}!" for number in range(200)]
    known = [secret for value in secrets for secret in marked(value)]
    swept = scope().sweep(" ".join(secrets), known)
    assert "planted" not in swept
    assert len(set(swept.split(" "))) == len(secrets)


def test_a_spelling_of_two_secrets_is_named_whatever_the_order() -> None:
    whole, leaf = marked(["hunter-two", "x"]), marked("hunter-two")
    assert scope().sweep("hunter-two", [*whole, *leaf]) == scope().sweep("hunter-two", [*leaf, *whole])


def test_the_longer_of_two_secrets_is_named() -> None:
    short, long = marked("Summer2024"), marked("Summer2024!x")
    assert scope().sweep("Summer2024!x", [*short, *long]) == f"[REDACTED:secret:{long[0].identity}]"


def test_a_value_below_six_characters_is_not_looked_for() -> None:
    assert marked("abc12") == ()
    assert len(marked("abc123")) == 1


def test_a_number_is_known_by_its_digits() -> None:
    known = marked(12345678)
    assert "12345678" not in scope().sweep("code 12345678 used", known)
    stored = '{"parameters_used":{"n":[12345678,5]}}'
    assert json.loads(swept_data(scope().sweeper(known), stored)) == {
        "parameters_used": {"n": [f"[REDACTED:secret:{known[0].identity}]", 5]}
    }


def test_each_leaf_of_a_nested_secret_is_known_under_one_identity() -> None:
    known = marked({"user": "svc-backup", "list": ["hunter-two", 99887766, "tiny"]})
    swept = scope().sweep("svc-backup hunter-two 99887766 tiny", known)
    assert swept == f"{' '.join([f'[REDACTED:secret:{known[0].identity}]'] * 3)} tiny"


def test_a_placeholder_is_never_torn() -> None:
    known = [*marked("REDACTED"), *marked("password"), *marked("secret:")]
    assert scope().sweep("password [REDACTED:password#1] REDACTED", known).count("[REDACTED:password#1]") == 1
    stored = f"[REDACTED:password:{'0' * 16}]"
    assert stored in scope().sweep(f"x {stored} y", known)


@given(values)
def test_a_known_secret_survives_its_row(value: str) -> None:
    for secret in marked(value):
        assert KnownSecret.unpacked(secret.kind.value, secret.identity, secret.packed_forms()) == secret


@given(values.filter(lambda value: not any(character in value for character in "[]():=',")))
def test_nothing_known_shows_the_value(value: str) -> None:
    def shown(of: str) -> str:
        door = scope()
        known = marked(of, door)
        return repr(known) + repr(door) + repr(door.sweeper(known))

    assert not value.isascii() or len(value) < 9 or value not in shown(value) or value in shown("another-Value!")


@given(values)
def test_sessions_and_tenants_share_nothing(value: str) -> None:
    doors = [
        scope(),
        scope(session="other"),
        scope(tenant="other"),
        scope("tenan", "tsession"),
        Redactor(b"x").scope("tenant", "session"),
    ]
    known = [marked(value, door)[0] for door in doors]
    assert len({secret.identity for secret in known}) == len(doors)
    assert len({form.fingerprint for secret in known for form in secret.forms}) == sum(
        len(secret.forms) for secret in known
    )
    assert marked(value)[0] == known[0]


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ValueError, match="redaction key"):
        Redactor(b"")


def test_numbers_are_given_within_a_kind_in_the_order_of_the_texts() -> None:
    first, second, third = ("0" * 15 + digit for digit in "123")
    texts = [
        f"a [REDACTED:password:{second}] b [REDACTED:token:{third}]",
        f"[REDACTED:password:{first}] [REDACTED:secret:{second}]",
    ]
    numbering = number_placeholders(texts)
    assert numbering.count == 3
    assert [numbering.text(text) for text in texts] == [
        "a [REDACTED:password#1] b [REDACTED:token#1]",
        "[REDACTED:password#2] [REDACTED:password#1]",
    ]


def test_the_kind_of_a_secret_does_not_depend_on_who_found_it_first() -> None:
    identity = "1" * 16
    early = number_placeholders(
        [f"[REDACTED:secret:{identity}]", f"[REDACTED:token:{identity}]", f"[REDACTED:password:{identity}]"]
    )
    late = number_placeholders([f"[REDACTED:password:{identity}]", f"[REDACTED:secret:{identity}]"])
    assert early.names == late.names == {identity: "password#1"}


def test_a_numbered_text_stays_as_it_is() -> None:
    text = "[REDACTED:password#1] and [REDACTED:password:0123456789abcdef]"
    assert number_placeholders([]).text(text) == text
    assert number_placeholders([text]).count == 1


class TestBound:
    """Known secrets of many lengths with one beginning, and a text of nothing else."""

    values = tuple("aaaaaa" + "b" * number for number in range(3, 60))
    text = "password aaaaaabbbb of the customer: " + "a" * 5_000 + "é" * 300 + " aaaaaabbbbbb the end"

    def sweeper(self) -> Sweeper:
        return scope().sweeper([secret for value in self.values for secret in marked(value)])

    def test_looks_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sweeper, looks = self.sweeper(), 0
        fingerprint = FingerprintKey.fingerprint

        def counted(key: FingerprintKey, head: bytes) -> bytes:
            nonlocal looks
            looks += 1
            return fingerprint(key, head)

        monkeypatch.setattr(FingerprintKey, "fingerprint", counted)
        sweeper.text(self.text)
        most = MOST_LOOKS + MOST_LOOKS_A_BYTE * len(self.text.encode())
        assert 0 < looks <= 2 * most, "once to see whether there is any, once to find all"

    def test_what_is_not_read_is_removed_and_the_rest_stays(self) -> None:
        swept = self.sweeper().text(self.text)
        assert swept.startswith("password [REDACTED:secret:")
        assert "] of the customer: a" in swept
        assert "the end" not in swept
        assert re.fullmatch(r"[^é]*a\[REDACTED:secret:[0-9a-f]{16}\]", swept)

    def test_a_short_text_asks_for_no_looks_of_longer_secrets(self) -> None:
        """By chance "Reset " can be of the same classes as what two hundred longer secrets begin with."""
        numbers = (number for number in range(100_000) if self._alike(f"s{number}", "aaaaaa", "Reset "))
        session = scope(session=f"s{next(numbers)}")
        sweeper = session.sweeper(
            [secret for number in range(1, 301) for secret in marked("aaaaaa" + "b" * number, session)]
        )
        assert sweeper.text("Reset all") == "Reset all"

    def _alike(self, session: str, *beginnings: str) -> bool:
        classes = FingerprintKey(KEY, "tenant", session).classes()
        return len({beginning.encode().translate(classes) for beginning in beginnings}) == 1

    def test_to_sweep_again_changes_nothing(self) -> None:
        sweeper = self.sweeper()
        swept = sweeper.text(self.text)
        assert sweeper.text(swept) == swept

    @given(st.lists(st.sampled_from(["a", "aaaaaabbbb", "é", "\U0001f600", " x ", "[REDACTED:pin:0123456789abcdef]"])))
    def test_no_secret_is_passed_unread_wherever_looks_end(self, parts: list[str]) -> None:
        text = "".join(parts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweep, "MOST_LOOKS", 12)
            patch.setattr(sweep, "MOST_LOOKS_A_BYTE", 0)
            swept = self.sweeper().text(text)
        assert "aaaaaabbb" not in swept

    @pytest.mark.parametrize("lengths", range(4, 12))
    def test_what_is_left_ends_with_a_whole_character(self, lengths: int) -> None:
        classes = scope()._session_key().classes()
        letter = next(
            letter
            for letter in map(chr, range(0x80, 0x800))
            if len({classes[byte] for byte in letter.encode()}) == 1  # so a prefix stands at each of its bytes, too
        )
        values = [letter * 6 + "b" * number for number in range(1, lengths)]
        sweeper = scope().sweeper([secret for value in values for secret in marked(value)])
        assert re.fullmatch(rf"{letter}+\[REDACTED:secret:[0-9a-f]{{16}}\]", sweeper.text(letter * 3_000))
