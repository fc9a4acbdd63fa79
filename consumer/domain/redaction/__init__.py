"""Secrets stop at the door: what this package promises.

1. A secret found in a text becomes ``[REDACTED:<kind>:<16 hex digits>]``; the rest of the text stays as it was.
   The digits are a keyed fingerprint of (tenant, session, value): equal values of one session are equal, whatever the
   order of arrival, and nothing can be compared across sessions or guessed without the service's key.
2. A script parameter that its schema marks is replaced whole. Without a usable entry suspicion decides.
3. Redacting a redacted text changes nothing; a placeholder, stored or numbered, is never touched but to give way to
   that of a longer secret, which its own stands in.
4. What was found is stored only as ``KnownSecret``: keyed fingerprints of the spellings of the value (literal,
   URL-encoded, base64, UTF-16 base64, escaped). ``Sweeper`` removes every occurrence of them elsewhere in the session.
   A sweep writes the kind ``secret``, so that the outcome does not depend on which of two finders came first.
5. Nothing here raises because of what a text or a JSON value holds, and the time taken is linear in its length.
6. Numbers (``[REDACTED:password#1]``) are given when a bundle is made, in the order of its texts.
7. Secrets stand within one another: a password in a connection string, both in an encoded header. Whatever became known
   first, and whether by a mark or in the text itself, every text ends as if all had been known when it came: at each
   place the longest secret goes as a whole, under its own placeholder, and no piece of it stays.
   Of secrets that overlap in part both are named and nothing stays, where both are known when the text comes or become
   known at once.

Not promised:

- Of two secrets that overlap in part, of which one was known before the other and the text stood between: the second
  sticks out of the first's placeholder. To see that, parts of values would have to be fingerprinted, and by these a value
  could be guessed bit by bit. The same where the door saw within a longer secret one that is not looked for (shorter than
  six characters, a word of every ticket): what surrounds it stays.
- Which placeholder stands for a spelling that two secrets share (a nested value and another parameter): it is removed,
  under the one that was known first. What differs from a secret only in how another one is spelled within it is, or is
  not, taken for that secret.
- A text that was cut before a value was known, such as an excerpt: a piece at its end stays.

The way of a value::

    scope = redactor.scope(tenant_id, session_id)      # one per event; cheap
    clean = scope.text(raw)                            # detectors
    used = scope.parameters(schema, raw_used)          # the schema's marks, then suspicion
    found = scope.found_secrets()                      # with those of the events that came along
    learned = scope.learn(known, by_identity(found))   # only where anything is found or known
    clean = learned.arriving.text(clean)
    earlier = learned.stored.text(earlier)             # what is stored already, if anything is fresh
    remember(learned.fresh)                            # as rows: ``known`` the next time
    numbering = number_placeholders(texts_in_order)
    shown, count = numbering.text(clean), numbering.count
"""

from consumer.domain.redaction.detectors import is_clean
from consumer.domain.redaction.fingerprints import Fingerprint, FoundSecret, KnownSecret
from consumer.domain.redaction.parameters import Entries, entries
from consumer.domain.redaction.placeholders import Numbering, SecretKind, number_placeholders
from consumer.domain.redaction.redactor import Learned, Redactor, Scope
from consumer.domain.redaction.sweep import Sweeper

__all__ = [
    "Entries",
    "Fingerprint",
    "FoundSecret",
    "KnownSecret",
    "Learned",
    "Numbering",
    "Redactor",
    "Scope",
    "SecretKind",
    "Sweeper",
    "entries",
    "is_clean",
    "number_placeholders",
]
