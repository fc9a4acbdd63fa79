"""Where settings come from: the environment, files of secrets, defaults; and variables that nobody reads.

A refusal never quotes a value. Nothing here knows a setting by name: variables and secrets are read off the fields.
"""

import difflib
import os
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from consumer import environment
from consumer.errors import Misconfigured

FILE_SUFFIX = "_FILE"
LONGEST_FILE_BYTES = 65_536  # a key, a URL, some headers: more is another file, or a device without an end
_OTHERS_PREFIXES = ("ESCALATION_TEST_",)
_OTHERS = frozenset({"ESCALATION_CACHE_DIR", "ESCALATION_SHARED_DIR", "ESCALATION_UPDATE_GOLDEN"})
"""Of the demo's servers and of the tests."""
_OF_KUBERNETES = re.compile(r"ESCALATION_\w*?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""Kubernetes tells every pod of a namespace about a service `escalation-console` by variables of this form."""
_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://|[\d.]+$|[\da-f:]+$|(tcp|udp|sctp)$")
_NEAR = 0.75
_LOOKS_LIKE = 0.87


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOrigin:
    """Where the value of one setting comes from."""

    kind: Literal["default", "environment", "file"]
    variable: str | None = None
    """The variable that is set, as it is spelt."""
    path: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "default":
                return "default"
            case "environment":
                return f"environment: {self.variable}"
            case "file":
                return f"file: {self.path}"


def variables(model: type[BaseSettings]) -> dict[str, tuple[str, ...]]:
    """The variables of each field; of several the first one counts that is set."""
    prefix = model.model_config.get("env_prefix", "")
    return {
        name: tuple(str(choice) for choice in field.validation_alias.choices)
        if isinstance(field.validation_alias, AliasChoices)
        else ((prefix + name).upper(),)
        for name, field in model.model_fields.items()
    }


def secret_fields(model: type[BaseSettings]) -> frozenset[str]:
    """The fields that hold a secret, by their type."""
    return frozenset(name for name, field in model.model_fields.items() if _is_secret(field))


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *typing.get_args(field.annotation))


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets of files: `<NAME>_FILE` is the path. Raises Misconfigured for each that cannot be used."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002
        """Unused: the library's signature."""
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        values: dict[str, object] = {}
        problems = []
        given = _given(os.environ)
        for name, choices in variables(self.settings_cls).items():
            if name not in secret_fields(self.settings_cls):
                continue
            for variable in choices:
                if (path := given.get(variable + FILE_SUFFIX)) is None:
                    continue
                if twice := next((choice for choice in choices if choice in given), None):
                    problems.append(f"{variable}{FILE_SUFFIX}: {twice} is set as well; unset one of them")
                    break
                try:
                    values[name] = _secret_of(path)
                except ValueError as error:
                    problems.append(f"{variable}{FILE_SUFFIX}: {error}")
                break
        if problems:
            raise Misconfigured("; ".join(problems))
        return values


def _secret_of(path: str) -> str:
    """The text of the file, without the line end that editors add. Raises ValueError, without quoting it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - also a descriptor's path, which a shell makes
            content = file.read(LONGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no path'}") from None
    if len(content) > LONGEST_FILE_BYTES:
        raise ValueError(f"{path} is longer than {LONGEST_FILE_BYTES // 1024} KiB; is it the right file?")
    try:
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; write the secret into it as it is") from None
    if not text.strip():
        raise ValueError(f"{path} is empty")
    if "\0" in text:
        raise ValueError(f"{path} is no text; write the secret into it as it is")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """The file that one secret comes from."""

    variable: str
    path: str
    parse: Callable[[str], object]
    """As the field is read. Raises ValueError."""

    @classmethod
    def of(cls, model: type[BaseSettings], name: str, files: Mapping[str, str]) -> Self | None:
        """None where the secret comes from elsewhere."""
        for variable in variables(model)[name]:
            if (path := files.get(variable + FILE_SUFFIX)) is not None:
                field = model.model_fields[name]
                form: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
                adapter: TypeAdapter[object] = TypeAdapter(form)
                return cls(variable=variable + FILE_SUFFIX, path=path, parse=adapter.validate_python)
        return None

    def stamp(self) -> tuple[int, int, int] | None:
        """It changes when the file does, or another takes its place; None while there is none."""
        try:
            state = os.stat(self.path)  # noqa: PTH116 - also a descriptor's path
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def read(self) -> str | None:
        """Raises ValueError, without quoting the text."""
        try:
            value = self.parse(_secret_of(self.path))
        except ValidationError as error:
            raise ValueError(error.errors(include_input=False, include_url=False)[0]["msg"]) from None
        return value.get_secret_value() if isinstance(value, SecretStr) else None


class RenewedSecret:
    """A secret that is read anew from its file when that has changed, so that it can be replaced without a restart.

    A file that is away or wrong for a moment (while it is replaced, say) changes nothing: the last good value counts.
    """

    def __init__(self, first: str | None, file: SecretFile | None) -> None:
        self._value = first
        self._file = file
        self._stamp = None if file is None else file.stamp()

    def __call__(self) -> str | None:
        """The secret as it is now. Reads a small file, and only after a change."""
        file = self._file
        if file is not None and (stamp := file.stamp()) != self._stamp:
            self._stamp = stamp
            try:
                self._value = file.read()
            except ValueError as error:
                import structlog  # slow to load, and most commands never come here

                log = structlog.stdlib.get_logger("escalation.service")
                log.warning(
                    "A file of a secret cannot be used: what it held before counts on.",
                    event_name="secret_file_unusable",
                    variable=file.variable,
                    error=str(error),
                )
        return self._value


def secret_files(model: type[BaseSettings], given: Mapping[str, str]) -> dict[str, str]:
    """The variables that name a file of a secret, with its path."""
    values = _given(given)
    names = secret_fields(model)
    wanted = [choice + FILE_SUFFIX for name, choices in variables(model).items() if name in names for choice in choices]
    return {variable: values[variable] for variable in wanted if variable in values}


def origins(model: type[BaseSettings], given: Mapping[str, str]) -> dict[str, SettingOrigin]:
    """Where each field's value comes from, given these variables."""
    spelt = _spellings(given)
    values = _given(given)
    secrets = secret_fields(model)
    sources = {}
    for name, choices in variables(model).items():
        sources[name] = SettingOrigin(kind="default")
        files = [choice + FILE_SUFFIX for choice in choices if name in secrets and choice + FILE_SUFFIX in values]
        if set_ones := [choice for choice in choices if choice in values]:
            sources[name] = SettingOrigin(kind="environment", variable=spelt[set_ones[0]])
        elif files:
            sources[name] = SettingOrigin(kind="file", variable=spelt[files[0]], path=values[files[0]])
    return sources


def misspelt(model: type[BaseSettings], given: Mapping[str, str]) -> list[str]:
    """A sentence for each variable `ESCALATION_…` that nobody reads, with the nearest name that is read."""
    known = _known(model)
    prefix = str(model.model_config.get("env_prefix", ""))
    problems = []
    for spelling, value in sorted(given.items()):
        name = spelling.upper()
        if not value or not name.startswith(prefix) or name in known or _is_anothers(name, value):
            continue
        plain = name.removesuffix(FILE_SUFFIX)
        if plain in known:
            problems.append(f"{spelling}: only a secret comes from a file; set {plain} itself")
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        hint = f"did you mean {near[0]}?" if near else "`escalation-consumer settings` lists those that are read"
        problems.append(f"{spelling}: no such setting; {hint}")
    return problems


_ALIASES = {
    "ANTHROPIC_KEY": "ANTHROPIC_API_KEY",
    "CLAUDE_API_KEY": "ANTHROPIC_API_KEY",
    "DATABASE_URI": "DATABASE_URL",
    "KAFKA_BROKERS": "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_BROKER": "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SERVERS": "KAFKA_BOOTSTRAP_SERVERS",
    "POSTGRES_URL": "DATABASE_URL",
    "POSTGRES_URI": "DATABASE_URL",
    "REDIS_URI": "REDIS_URL",
}
"""Names of the same things in other programs."""
_MEANT = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "REDIS_URL",
)


def lookalikes(model: type[BaseSettings], given: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like a setting that is not set. It may belong to another program."""
    values = _given(given)
    known = _known(model)
    prefix = str(model.model_config.get("env_prefix", ""))
    own = [name for name in known if name.startswith(prefix)]
    sentences = []
    for name, spelling in sorted(_spellings(given).items()):
        if name in known or name.startswith(prefix) or name not in values:
            continue
        near = difflib.get_close_matches(name, (*_MEANT, *own), n=1, cutoff=_LOOKS_LIKE)
        meant = _ALIASES.get(name) or (near[0] if near else None)
        if meant is not None and meant not in values and meant + FILE_SUFFIX not in values:
            sentences.append(f"{spelling} is set and is read by nobody here; {meant} is not set: was it meant?")
    return sentences


def _is_anothers(name: str, value: str) -> bool:
    if name in _OTHERS or name.startswith(_OTHERS_PREFIXES):
        return True
    return bool(_OF_KUBERNETES.fullmatch(name) and _OF_A_SERVICE.match(value))


@cache
def _known(model: type[BaseSettings]) -> frozenset[str]:
    """Every variable that is read, those for files too."""
    secrets = secret_fields(model)
    return frozenset(
        spelling
        for name, choices in variables(model).items()
        for choice in choices
        for spelling in ((choice, choice + FILE_SUFFIX) if name in secrets else (choice,))
    )


def _spellings(given: Mapping[str, str]) -> dict[str, str]:
    """Each variable's name in capitals, with the spelling that counts."""
    return {name.upper(): name for name in (*given, *environment.lower_case_first(given))}


def _given(given: Mapping[str, str]) -> dict[str, str]:
    """The variables that are set and not empty, by their names in capitals. Of two spellings the lower case counts."""
    lower = environment.lower_case_first(given)
    return {name.upper(): value for name, value in (*given.items(), *lower.items()) if value}
