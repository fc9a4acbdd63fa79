"""`settings`: lists every environment variable, from the fields of `Settings`, with its value and its origin."""

import os
import typing
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from consumer import setting_sources
from consumer.cli import output
from consumer.settings import Settings, read_settings, variable_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One environment variable."""

    variable: str
    default: str
    allowed: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """What counts in this environment. The value of a secret is `set`."""

    variable: str
    value: str
    origin: str
    secret: bool


def setting_rows() -> list[SettingRow]:
    """Returns all variables in the order of `Settings`, which is the best order for reading them."""
    return [_row(name, field) for name, field in Settings.model_fields.items()]


def effective_settings(settings: Settings) -> list[EffectiveSetting]:
    """In the order of `setting_rows`."""
    secrets = setting_sources.secret_fields(Settings)
    origins = setting_sources.origins(Settings, os.environ)
    return [
        EffectiveSetting(
            variable=variable_of(name),
            value="set" if name in secrets and origins[name].kind != "default" else _shown(getattr(settings, name)),
            origin=str(origins[name]),
            secret=name in secrets,
        )
        for name in Settings.model_fields
    ]


def settings(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List every environment variable with its value and where that comes from. A secret is shown as `set`.

    Every secret can come from a file: NAME_FILE holds its path, instead of NAME. `--json` tells the default of each
    variable, too.
    """
    rows = [
        asdict(row) | asdict(effective)
        for row, effective in zip(setting_rows(), effective_settings(read_settings()), strict=True)
    ]
    output.table(rows, columns=("variable", "value", "origin", "allowed", "meaning"), empty="", json_wanted=as_json)
    for sentence in setting_sources.lookalikes(Settings, os.environ):
        output.complain(sentence)


def _row(name: str, field: FieldInfo) -> SettingRow:
    default = field.get_default()
    return SettingRow(
        variable=variable_of(name),
        default=_shown(default),
        allowed=_allowed(field),
        meaning=" ".join((field.description or "").split()),
    )


def _shown(default: object) -> str:
    """Returns a default as text. Those of a secret type hold no secret: they are addresses of a developer's machine."""
    if default is None:
        return "-"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return str(default) or "(empty)"


def _allowed(field: FieldInfo) -> str:
    bounds = []
    for bound in field.metadata:
        match bound:
            case Ge(ge=least):
                bounds.append(f"≥ {least}")
            case Gt(gt=least):
                bounds.append(f"> {least}")
            case Le(le=most):
                bounds.append(f"≤ {most}")
            case Lt(lt=most):
                bounds.append(f"< {most}")
            case _:
                if (pattern := getattr(bound, "pattern", None)) is not None:
                    bounds.append(str(pattern).removeprefix("^(").removesuffix(")$").replace("|", ", "))
    return " and ".join(bounds) or _kind(field.annotation)


def _kind(annotation: object) -> str:
    kinds = {bool: "true, false", int: "integer", float: "number"}
    names = [kinds[part] for part in (annotation, *typing.get_args(annotation)) if part in kinds]
    return names[0] if names else "text"
