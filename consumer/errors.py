"""Every error that this service raises on purpose, divided by what the caller can do about it.

    EscalationError
    ├── Transient      try again later: a server is away, slow or refuses; waiting loses nothing
    ├── Permanent      this input will never pass: dead-letter or refuse it, then take the next one
    └── Halt           stop and say so: going on would do harm or cannot work
        └── Misconfigured   wrong settings; exit code 2

An exception's docstring is its default message. No message holds a payload, a prompt or a secret.
"""


class EscalationError(Exception):
    """The service could not do this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class Transient(EscalationError):
    """A server that this needs is away; it is tried again."""


class Permanent(EscalationError):
    """This input can never be accepted."""


class Halt(EscalationError):
    """The service has to stop."""


class Misconfigured(Halt):
    """The configuration is wrong."""
