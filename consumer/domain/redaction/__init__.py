"""Secrets stop at the door: what this package promises.

1. A secret found in a text becomes ``[REDACTED:<kind>:<16 hex digits>]``; the rest of the text stays as it was.
   The digits are a keyed fingerprint of (tenant, session, value): equal values of one session are equal, whatever the
   order of arrival, and nothing can be compared across sessions or guessed without the service's key.
2. A script parameter that its schema marks is replaced whole. Without a usable entry suspicion decides.
3. Redacting a redacted text changes nothing; a placeholder, stored or numbered, is never touched.
4. What was found is remembered only as ``KnownSecret``: keyed fingerprints of the spellings of the value (literal,
   URL-encoded, base64, UTF-16 base64, escaped). ``Sweeper`` removes every occurrence of them elsewhere in the session.
   A sweep writes the kind ``secret``, so that the outcome does not depend on which of two finders came first.
5. Nothing here raises because of what a text or a JSON value holds, and the time taken is linear in its length.
6. Numbers (``[REDACTED:password#1]``) are given when a bundle is made, in the order of its texts.

The way of a value::

    scope = redactor.scope(tenant_id, session_id)      # one per event; cheap
    clean = scope.text(raw)                            # detectors
    used = scope.parameters(schema, raw_used)          # the schema's marks, then suspicion
    known = scope.known_secrets()                      # to be stored with the session
    sweeper = scope.sweeper([*known, *stored])         # only sessions with known secrets need one
    clean = sweeper.text(clean)
    numbering = number_placeholders(texts_in_order)
    shown, count = numbering.text(clean), numbering.count
"""

from consumer.domain.redaction.detectors import is_clean
from consumer.domain.redaction.fingerprints import Form, KnownSecret
from consumer.domain.redaction.placeholders import Kind, Numbering, number_placeholders
from consumer.domain.redaction.redactor import Redactor, Scope
from consumer.domain.redaction.sweep import Sweeper

__all__ = [
    "Form",
    "Kind",
    "KnownSecret",
    "Numbering",
    "Redactor",
    "Scope",
    "Sweeper",
    "is_clean",
    "number_placeholders",
]
