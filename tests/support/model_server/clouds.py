"""Each provider's side: its path, who may come in, and how it says no. What a client needs, and no more."""

import hashlib
import hmac
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from tests.support.model_server.received import Received
from tests.support.model_server.replies import Reply

AWS_KEY_ID, AWS_SECRET = "AKIATESTONLY", "aws-secret-test-only"
GOOGLE_TOKEN, ENTRA_TOKEN = "google-token-test-only", "entra-token-test-only"
REGION, PROJECT = "eu-central-1", "a-project"
PATHS = {
    "anthropic": "/v1/messages",
    "bedrock": "/model/{model}/invoke",
    "vertex": "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/{call}",
    "foundry": "/anthropic/v1/messages",
}
COUNT_PATHS = (
    "/v1/messages/count_tokens",
    "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/count-tokens:rawPredict",
    "/anthropic/v1/messages/count_tokens",
)
"""Where tokens are counted, free of charge. Amazon Bedrock's is not known to the SDK."""
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/"
    r"(?P<scope>\d{8}/(?P<region>[\w-]+)/(?P<service>\w+)/aws4_request), "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_AWS_ERRORS = {
    400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException",
    404: "ResourceNotFoundException", 424: "ModelErrorException", 429: "ThrottlingException",
    503: "ServiceUnavailableException",
}  # fmt: skip
_GOOGLE_ERRORS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE",
}  # fmt: skip


def as_messages(matched: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """The body as the Messages API takes it: clouds have the model in the path."""
    named = unquote(matched.get("model", "") or matched.get("call", "").removesuffix(":rawPredict"))
    return body | {"model": named} if named else body


def is_let_in(received: Received, raw_path: str, api_key: str | None) -> bool:
    """Whether the call carries what the provider knows a caller by. Without `api_key` any key is good."""
    headers = {name.lower(): value for name, value in received.headers.items()}
    authorization = headers.get("authorization", "")
    bearer = authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else ""
    match received.provider:
        case "bedrock":
            return _is_good(bearer, api_key) if bearer else _is_signed(received, headers, raw_path)
        case "vertex":
            return bearer == GOOGLE_TOKEN and f"/projects/{PROJECT}/locations/" in received.path
        case "foundry":
            return bearer == ENTRA_TOKEN or _is_good(headers.get("api-key", ""), api_key)
        case _:
            return _is_good(bearer or headers.get("x-api-key", ""), api_key)


def said_by(provider: str, reply: Reply) -> Reply:
    """An error in the words of the provider; other replies as they are."""
    if reply.status < 400 or provider not in {"bedrock", "vertex"} or reply.content_type != "application/json":
        return reply
    message = json.loads(reply.body)["error"]["message"]
    if provider == "bedrock":
        kind = _AWS_ERRORS.get(reply.status, "InternalServerException")
        headers = reply.headers | {
            "x-amzn-errortype": f"{kind}:http://internal.amazon.com/",
            "x-amzn-requestid": "aws-1",
        }
        return replace(reply, body=json.dumps({"message": message}).encode(), headers=headers)
    code = {"code": reply.status, "message": message, "status": _GOOGLE_ERRORS.get(reply.status, "INTERNAL")}
    return replace(reply, body=json.dumps({"error": code}).encode())


def credentials(path: str) -> dict[str, object]:
    """What the clouds' credential services answer: AWS's of a container, Google's for tokens, Azure's for an app."""
    answers: dict[str, dict[str, object]] = {
        "/aws-credentials": {
            "AccessKeyId": AWS_KEY_ID,
            "SecretAccessKey": AWS_SECRET,
            "Token": "aws-session-test-only",
            "Expiration": "2099-01-01T00:00:00Z",
        },
        "/google-token": {"access_token": GOOGLE_TOKEN, "expires_in": 3600, "token_type": "Bearer"},
        "/entra-token": {
            "access_token": ENTRA_TOKEN,
            "expires_on": "4070908800",
            "resource": "https://ai.azure.com",
            "token_type": "Bearer",
        },
    }
    return answers[path]


def _is_good(key: str, wanted: str | None) -> bool:
    return bool(key) and (wanted is None or key == wanted)


def _is_signed(received: Received, headers: dict[str, str], raw_path: str) -> bool:
    """Signature Version 4, computed anew from what arrived."""
    given = _SIGNED.fullmatch(headers.get("authorization", ""))
    if given is None or (given["id"], given["region"], given["service"]) != (AWS_KEY_ID, REGION, "bedrock"):
        return False
    names = given["headers"].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        return False
    canonical = "\n".join(
        [
            "POST",
            quote(raw_path, safe="/~"),
            "",
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            given["headers"],
            hashlib.sha256(received.raw).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], given["scope"], digest])
    key = f"AWS4{AWS_SECRET}".encode()
    for part in (*given["scope"].split("/"), to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), given["signature"])
