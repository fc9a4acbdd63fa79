"""`escalation-tenant-policy`: what a customer organisation wants, as one event that holds the whole policy."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictFloat, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.envelope import Received

DEFAULT_LANGUAGE = "en"
LANGUAGES = ("de", "en")
"""Primary subtags of the languages in which packages can be written."""
LONGEST_FOOTER = 300
DEAREST_MONTH_USD = 1e9


class ModelAllowed(StrEnum):
    """Whether texts of the tenant may go to a model."""

    ON = "on"
    OFF = "off"
    """Nothing of this tenant goes to any model: rules draft."""


def _or(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is None else value)


def _known_language(tag: str) -> str:
    if tag.partition("-")[0].lower() not in LANGUAGES:
        raise PydanticCustomError("language", "must be one of the known languages: " + ", ".join(LANGUAGES))
    return tag


def _one_line(text: str) -> str:
    if len(text.splitlines()) > 1:
        raise PydanticCustomError("one_line", "must be one line")
    return text


Language = Annotated[
    StrictStr,
    Field(min_length=2, max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"),
    AfterValidator(_known_language),
]
"""A BCP 47 tag; its primary subtag has to be known."""


class TenantPolicySet(Received):
    """`tenant.policy_set.v1`: the whole policy of a tenant; the newest `time` wins. A null field means the default."""

    model: Annotated[ModelAllowed, _or(ModelAllowed.ON)] = ModelAllowed.ON
    """`off`: nothing of this tenant's sessions goes to any model; rules draft."""
    language: Annotated[Language, _or(DEFAULT_LANGUAGE)] = DEFAULT_LANGUAGE
    """The language of the tenant's packages."""
    monthly_budget_usd: Annotated[
        StrictFloat | None,
        Field(ge=0, le=DEAREST_MONTH_USD, allow_inf_nan=False),
        WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": DEAREST_MONTH_USD}, {"type": "null"}]}),
    ] = None
    """What calls to models for this tenant may cost in a calendar month (UTC); null: no bound."""
    note_footer: Annotated[StrictStr, Field(max_length=LONGEST_FOOTER), AfterValidator(_one_line)] | None = None
    """A line of plain text for under each note; `{package_id}`, `{session_id}` and `{request_id}` are replaced."""


POLICY_TYPES: dict[str, type[TenantPolicySet]] = {"tenant.policy_set.v1": TenantPolicySet}
"""Every type of the topic, by its name on the wire."""
