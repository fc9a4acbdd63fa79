"""What a session knows once a door has found it, where nothing was known before."""

from consumer.domain.redaction import KnownSecret, Scope


def remembered(door: Scope) -> tuple[KnownSecret, ...]:
    return door.learn({}, {secret.identity: secret for secret in door.found_secrets()}).fresh
