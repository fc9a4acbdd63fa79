"""Which error of a call is whose: the one table of them."""

import json
import re
from math import isfinite

import anthropic

from consumer.adapters.anthropic.answers import NotAMessage
from consumer.flows.drafting.model import FormRefused, ModelAway, ModelBusy, ModelFault, ModelLocked, PromptRefused

_LOCKED_STATUSES = frozenset({401, 402, 403, 404})
_FORM_STATUSES = frozenset({400, 422})
_TRANSIENT_STATUSES = frozenset({408, 409, 424, 425, 429, 499})  # 424 is Bedrock's, for a model that failed
_SPEND_WORDS = ("spend", "billing", "credit")
_SPEND_MESSAGE = re.compile(r"credit balance|\bbilling\b|spend(?:ing)? limit", re.IGNORECASE)
_MODEL_MESSAGE = re.compile(r"model identifier is invalid|on-demand throughput|not servable in region", re.IGNORECASE)
"""What a 400 of a cloud says where the model's id is wrong, or not to be had in this region."""
_FORM_MESSAGE = re.compile(
    r"output_config|output_format|json_schema|\bschema\b|\bgrammar\b|structured output|cache_control"
    r"|\bthinking\b|\beffort\b|extra inputs|extraneous key|unknown (?:field|parameter)|unrecognized",
    re.IGNORECASE,
)
"""What a 400 says that refuses a parameter of the call: of the API itself, of clouds and of gateways."""
_CLOUDS = frozenset({"azure", "boto3", "botocore", "google"})
_CLOUD_AWAY = frozenset(
    {
        "azure.core.exceptions.ServiceRequestError",
        "azure.core.exceptions.ServiceResponseError",
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "google.auth.exceptions.TimeoutError",
        "google.auth.exceptions.TransportError",
    }
)
"""By name, because the clouds' libraries need not be installed."""
_NO_CREDENTIALS = re.compile(r"Could not resolve (?:AWS credentials|API token)")
"""What the SDK says in an error of no class of its own, where a cloud's library finds nothing."""
_LOCKED_TYPES = frozenset({"authentication_error", "billing_error", "permission_error", "not_found_error"})


def fault_of(error: BaseException) -> ModelFault:
    """Maps every error of a call to a fault; there is no other such table.

    The messages hold classes, codes and ids, never text of a request or an answer.
    """
    match error:
        case anthropic.APIStatusError():
            return _fault_of_status(error)
        case TimeoutError() | anthropic.APITimeoutError():
            return ModelAway("the model did not answer in time")
        case anthropic.APIConnectionError():
            return ModelAway("no connection to the model")
        case anthropic.APIResponseValidationError() | json.JSONDecodeError() | NotAMessage():
            return ModelAway("what came back was not an answer of the Messages API")
        case anthropic.CredentialsError() | anthropic.WorkloadIdentityError():
            return ModelLocked("no usable credentials for the model; check ANTHROPIC_API_KEY")
        case RuntimeError() if _NO_CREDENTIALS.match(str(error)):
            return ModelLocked("there are no credentials for the model's cloud")
        case _:
            return _fault_of_cloud(error) or ModelAway(f"the call failed with {type(error).__name__}")


def _fault_of_cloud(error: BaseException) -> ModelFault | None:
    """What a cloud's library says while it fetches credentials is a matter of configuration, unless it is the network.

    None for an error of others.
    """
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if not any(kind.partition(".")[0] in _CLOUDS for kind in kinds):
        return None
    message = f"no usable credentials for the model's cloud: {type(error).__name__}"
    is_passing = bool(kinds & _CLOUD_AWAY) or getattr(error, "retryable", False) is True  # the word of Google's errors
    return ModelAway(message) if is_passing else ModelLocked(message)


def _fault_of_status(error: anthropic.APIStatusError) -> ModelFault:
    status = error.status_code
    headers = error.response.headers
    parts = [f"HTTP {status}", error.type, error.error_code, error.request_id or headers.get("x-amzn-requestid")]
    message = f"the model's API answered {', '.join(str(part) for part in parts if part)}"
    retry_after = _retry_after_seconds(headers.get("retry-after"))
    if status in _LOCKED_STATUSES or error.type in _LOCKED_TYPES or _is_for_somebody(error, retry_after):
        return ModelLocked(message)
    if status == 429 or (retry_after is not None and (status in _TRANSIENT_STATUSES or status >= 500)):
        return ModelBusy(message, retry_after_seconds=retry_after)
    if status in _TRANSIENT_STATUSES or status >= 500 or status < 400:
        return ModelAway(message)
    if status in _FORM_STATUSES and _FORM_MESSAGE.search(_said(error)):
        return FormRefused(message)
    return PromptRefused(message)


def _is_for_somebody(error: anthropic.APIStatusError, retry_after_seconds: float | None) -> bool:
    """Whether somebody has to change a limit or the model's id, though the status does not say so."""
    wrong_model = error.status_code == 400 and _MODEL_MESSAGE.search(_said(error)) is not None
    return wrong_model or _is_spend_limit(error, retry_after_seconds)


def _said(error: anthropic.APIStatusError) -> str:
    """The message of an error, as clouds and gateways spell it too. It may quote the call, so it is never passed on."""
    match error.body:
        case {"error": {"message": str(message)}} | {"message": str(message)} | {"error": str(message)}:
            return message
        case _:
            return ""


def _is_spend_limit(error: anthropic.APIStatusError, retry_after_seconds: float | None) -> bool:
    """Whether a limit of money is reached, which lasts for days.

    The API then sends an `error_code`: with 429 and no `retry-after`, or with 400 where the account set the limit. An
    empty account is a 400 whose message alone says so.
    """
    if error.status_code == 400 and _SPEND_MESSAGE.search(_said(error)):
        return True
    if error.error_code is None:
        return False
    of_money = any(word in error.error_code.casefold() for word in _SPEND_WORDS)
    return of_money and (error.status_code == 400 or (error.status_code == 429 and retry_after_seconds is None))


def _retry_after_seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:  # an HTTP date: rare here, and it would depend on two clocks
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None
