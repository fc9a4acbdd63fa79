"""The door: turns raw texts and parameters into redacted ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from consumer.domain.redaction import detectors, parameters
from consumer.domain.redaction.detectors import TextSpan
from consumer.domain.redaction.fingerprints import SHORTEST_KNOWN, FingerprintKey, FoundSecret, KnownSecret
from consumer.domain.redaction.keyring import Keyring, known_names
from consumer.domain.redaction.parameter_names import suspected_kind
from consumer.domain.redaction.parameters import Entries
from consumer.domain.redaction.placeholders import SecretKind, is_placeholder, stored_placeholder
from consumer.domain.redaction.sweep import Learned, Sweeper

DEEPEST = 70
"""Levels of a JSON value that are read. What lies deeper becomes null (events over 64 levels are refused anyway)."""
MOST_PASSES = 8
"""Most passes of the detectors over one text. A pass that finds a secret is followed by another, with less to find."""
_NUMBERS: frozenset[type] = frozenset({int, float, bool})
_NOTHING: frozenset[type] = frozenset()
_SCALARS = _NUMBERS | {str}
_TOGETHER = 256
"""Members of a list whose texts are looked at together first."""
_FEW = 8


class Redactor:
    """Holds the service's redaction keys. Raises ``ValueError`` if one is empty. The repr does not show them."""

    __slots__ = ("_keys",)

    def __init__(self, key: bytes, others: Iterable[bytes] = ()) -> None:
        """Fingerprints are made with ``key``; those that were made with one of the ``others`` are recognised too."""
        self._keys = Keyring(key, others)

    def scope(self, tenant_id: str, session_id: str) -> "Scope":
        return Scope(self._keys, tenant_id, session_id)


class Scope:
    """The redaction of one session, made for one event (or a few) and dropped with it.

    Collects the secrets that it finds as ``FoundSecret``. A value lives no longer than the texts that came with it, and
    is never shown.
    """

    __slots__ = ("_by_identity", "_key", "_keys", "_names", "_session_id", "_tenant_id", "looks")

    def __init__(self, keys: Keyring, tenant_id: str, session_id: str) -> None:
        self._keys = keys
        self._tenant_id = tenant_id
        self._session_id = session_id
        self._key: FingerprintKey | None = None
        self._by_identity: dict[str, FoundSecret] | None = None
        self.looks = detectors.Looks()  # once they are used up, a text with anything suspicious is replaced whole
        self._names: dict[str, tuple[str, SecretKind | None]] = {}

    def text(self, text: str) -> str:
        """The text with its secrets replaced; the same object if none is found."""
        if detectors.is_a_word(text):
            return text
        self.looks.step()
        if self.looks.are_used_up:
            return text if detectors.is_clean(text) else self._placeholder(SecretKind.SECRET, text, (), known=False)
        changed: list[TextSpan] | None = None
        for _ in range(MOST_PASSES):
            detections = detectors.find_secrets(text, self.looks, changed)
            if not detections:
                break
            text, changed = self._replaced(text, detections)
        return text

    def parameters(self, parameters_schema: object, parameters_used: JsonValue) -> JsonValue:
        """A script's parameters, redacted.

        A value that the schema marks is replaced whole. One whose entry marks nothing is redacted as free text.
        Suspicion decides which of the two happens to all others.
        The schema may be anything: one that cannot be used marks nothing and clears nothing of suspicion.
        """
        return self._parameters(parameters.entries(parameters_schema), parameters_used, depth=0)

    def parameters_by(self, entries: Entries, parameters_used: JsonValue) -> JsonValue:
        """As `parameters`, with the entries of a schema that was read before."""
        return self._parameters(entries, parameters_used, depth=0)

    def parameters_schema(self, parameters_schema: JsonValue) -> JsonValue:
        """A schema fit to be stored: the defaults, values and examples of marked parameters are replaced, too."""
        return self._schema(parameters_schema, depth=0)

    def json_value(self, value: JsonValue) -> JsonValue:
        """Any JSON value, with its names and texts redacted.

        ``parameters_used`` obeys its schema: the ``parameters_schema`` beside it, or in the ``template`` beside it.
        """
        return self._json(value, depth=0)

    def found_secrets(self) -> tuple[FoundSecret, ...]:
        """The secrets found so far that are to be looked for elsewhere, sorted by identity.

        Each has a value of at least 6 characters.
        """
        if not self._by_identity:
            return ()
        return tuple(self._by_identity[identity] for identity in sorted(self._by_identity))

    def sweeper(self, known: Iterable[KnownSecret]) -> Sweeper:
        """``known`` must be secrets of this session: fingerprints of another session match nothing here."""
        others = self._keys.others_of(self._tenant_id, self._session_id)
        return Sweeper(self._session_key(), known, others)

    def learn(self, known: Mapping[str, KnownSecret], secrets: Mapping[str, FoundSecret]) -> Learned:
        """Returns what follows from ``secrets``, the secrets that doors of this session found.

        ``known`` are the secrets that were stored before. Both are by identity. All stored texts must have been swept by ``known``: only then are values found that contain another secret.
        """
        return self.learned(known, tuple(self.fresh(known, secrets)), secrets)

    def fresh(self, known: Mapping[str, KnownSecret], secrets: Mapping[str, FoundSecret]) -> Iterator[KnownSecret]:
        """The first part of `learn`: yields the secrets that are not known. Each takes up to a millisecond."""
        before = self.sweeper(known.values())
        for identity in sorted(secrets.keys() - known.keys() - self._known_names(known, secrets).keys()):
            yield before.within(secrets[identity])

    def learned(
        self, known: Mapping[str, KnownSecret], fresh: Sequence[KnownSecret], secrets: Mapping[str, FoundSecret]
    ) -> Learned:
        """The second part of `learn`, with all that `fresh` yielded."""
        stored = self.sweeper((*known.values(), *fresh))
        names = self._known_names(known, secrets)
        return Learned(tuple(fresh), stored, stored.with_at_hand(secrets.values(), names) if secrets else stored)

    def sweep(self, text: str, known: Iterable[KnownSecret]) -> str:
        """Sweeps one text. For several texts, make one `sweeper`."""
        return self.sweeper(known).text(text)

    def _known_names(self, known: Mapping[str, KnownSecret], secrets: Mapping[str, FoundSecret]) -> dict[str, str]:
        others = self._keys.others_of(self._tenant_id, self._session_id)
        return known_names(known, secrets, self._session_key(), others) if others else {}

    def _session_key(self) -> FingerprintKey:
        if self._key is None:
            self._key = self._keys.of(self._tenant_id, self._session_id)
        return self._key

    def _replaced(self, text: str, detections: list[detectors.Detection]) -> tuple[str, list[TextSpan]]:
        """The text with a placeholder for each detection, and where these stand in it."""
        parts: list[str] = []
        places: list[TextSpan] = []
        end = at = 0
        for detection in detections:
            value = text[detection.start : detection.stop]
            placeholder = self._placeholder(detection.kind, value, (value,), known=detection.known)
            parts += text[end : detection.start], placeholder
            at += detection.start - end
            places.append((at, at + len(placeholder)))
            at += len(placeholder)
            end = detection.stop
        parts.append(text[end:])
        return "".join(parts), places

    def _placeholder(self, kind: SecretKind, value: str, leaves: Iterable[str], *, known: bool = True) -> str:
        identity = self._session_key().identity(value)
        if known:
            self._remember(kind, identity, leaves)
        return stored_placeholder(kind, identity)

    def _remember(self, kind: SecretKind, identity: str, leaves: Iterable[str]) -> None:
        if self._by_identity is None:
            self._by_identity = {}
        if identity in self._by_identity:
            return
        values = tuple(value for value in leaves if len(value) >= SHORTEST_KNOWN)
        if values:
            self._by_identity[identity] = FoundSecret(kind=kind, identity=identity, values=values)

    def _parameters(self, entries: Entries, used: JsonValue, depth: int) -> JsonValue:
        if not isinstance(used, dict):
            return self._json(used, depth)
        clean: dict[str, JsonValue] = {}
        for name, value in used.items():
            match entries.verdict(name):
                case parameters.Marking.SECRET:
                    clean[self.text(name)] = self._whole(entries.kind(name), value)
                case parameters.Marking.PLAIN:
                    clean[self.text(name)] = self._texts(value, depth + 1)
                case parameters.Marking.UNKNOWN:
                    clean_name, kind = self._name(name)
                    clean[clean_name] = self._suspected(kind, value, depth + 1)
        return clean

    def _schema(self, schema: JsonValue, depth: int) -> JsonValue:
        clean = self._json(schema, depth)
        listed = clean.get("parameters") if isinstance(clean, dict) else clean
        if not isinstance(listed, list):
            return clean
        for number, entry in enumerate(listed):
            if self.looks.are_used_up:
                listed[number:] = [self._unread(listed[number:])]
                break
            if isinstance(entry, dict) and parameters.is_marked(entry):
                for name in parameters.VALUE_FIELDS & entry.keys():
                    entry[name] = self._whole(parameters.kind_of(entry), entry[name])
        return clean

    def _unread(self, value: JsonValue) -> JsonValue:
        """One placeholder for what is not looked at."""
        return self._placeholder(SecretKind.SECRET, parameters.any_text(value), (), known=False)

    def _whole(self, kind: SecretKind, value: JsonValue) -> JsonValue:
        """One placeholder for the whole value. Null and the empty text hold no secret and stay as they are."""
        if value is None or value == "" or (isinstance(value, str) and is_placeholder(value)):
            return value
        self.looks.take(1)
        return self._placeholder(kind, parameters.canonical_text(value), parameters.leaves(value))

    def _suspected(self, kind: SecretKind | None, value: JsonValue, depth: int) -> JsonValue:
        """A value whose name suggests a secret of this kind, or none."""
        if isinstance(value, str):
            if kind is not None and parameters.is_suspect_value(value):
                return self._whole(kind, value)
            clean = self.text(value)
            if clean == value and parameters.has_secret_shape(value):
                return self._whole(SecretKind.SECRET, value)
            return clean
        if isinstance(value, dict):
            return self._json(value, depth, suspect=kind)
        if isinstance(value, list) and depth < DEEPEST:
            harmless = _NUMBERS if kind is None else _NOTHING
            return self._each(value, lambda member: self._suspected(kind, member, depth + 1), harmless)
        if kind is not None and isinstance(value, int | float) and parameters.is_suspect_number(value):
            return self._whole(kind, value)
        return self._json(value, depth)

    def _texts(self, value: JsonValue, depth: int) -> JsonValue:
        """A value that its schema declares to be no secret, redacted: only its texts can contain secrets."""
        if isinstance(value, str):
            return self.text(value)
        if depth >= DEEPEST:
            return None
        if isinstance(value, dict):
            return {self._name(name)[0]: self._texts(member, depth + 1) for name, member in value.items()}
        if isinstance(value, list):
            return self._each(value, lambda member: self._texts(member, depth + 1), _NUMBERS)
        return value

    def _json(self, value: JsonValue, depth: int, suspect: SecretKind | None = None) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if depth >= DEEPEST:
            return None
        if isinstance(value, list):
            return self._each(value, lambda member: self._json(member, depth + 1), _NUMBERS)
        if isinstance(value, dict):
            return self._object(value, depth, suspect)
        return value

    def _each(
        self, members: list[JsonValue], redacted: Callable[[JsonValue], JsonValue], harmless: frozenset[type]
    ) -> JsonValue:
        """The members, redacted; those of ``harmless`` types as they are. Once no looks are left, all others as one."""
        self.looks.step()
        clean: list[JsonValue] = []
        as_they_are = harmless
        for number, member in enumerate(members):
            if number % _TOGETHER == 0 and harmless and len(members) > _FEW:
                as_they_are = _SCALARS if _are_plain(members[number : number + _TOGETHER]) else harmless
            if not member or type(member) in as_they_are:
                clean.append(member)
            elif self.looks.are_used_up:
                clean.append(self._unread(members[number:]))
                break
            else:
                clean.append(redacted(member))
        return clean

    def _object(self, around: dict[str, JsonValue], depth: int, suspect: SecretKind | None) -> JsonValue:
        """As `_each` for the members of an object, with their names."""
        self.looks.step()
        clean: dict[str, JsonValue] = {}
        for number, (name, value) in enumerate(around.items()):
            if self.looks.are_used_up:
                rest = dict(list(around.items())[number:])
                clean["rest"] = self._unread(rest)
                break
            clean_name, kind = self._name(name)
            if kind is suspect is None and type(value) in _NUMBERS:
                clean[clean_name] = value
            elif name == "parameters_used":
                entries = parameters.entries(parameters.schema_beside(around))
                clean[clean_name] = self._parameters(entries, value, depth + 1)
            elif name == "parameters_schema":
                clean[clean_name] = self._schema(value, depth + 1)
            elif suspect is not None and name.casefold() in parameters.CARRIER_NAMES:
                clean[clean_name] = self._suspected(suspected_kind(suspect.value), value, depth + 1)
            elif kind is not None:
                clean[clean_name] = self._suspected(kind, value, depth + 1)
            else:
                clean[clean_name] = self._json(value, depth + 1)
        return clean

    def _name(self, name: str) -> tuple[str, SecretKind | None]:
        """The name, redacted, and the kind of secret that it suggests."""
        known = self._names.get(name)
        if known is None:
            self.looks.take(1)
            known = self._names[name] = (self.text(name), suspected_kind(name))
        return known


def _are_plain(members: list[JsonValue]) -> bool:
    """Whether no text of a list is a secret or holds one: one look at all together nearly always shows it."""
    texts = [member for member in members if type(member) is str]
    return detectors.is_clean("\n".join(texts)) and not any(map(parameters.has_secret_shape, texts))
