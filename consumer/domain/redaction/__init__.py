"""Removes secrets from texts and script parameters before they are stored.

What this package promises:

1. A secret found in a text becomes ``[REDACTED:<kind>:<16 hex digits>]``. The rest of the text stays as it was.
   The digits are a keyed fingerprint of (tenant, session, value). Equal values of one session have equal digits,
   whatever the order of arrival. Without the service's key no value can be compared across sessions or guessed.
2. A script parameter that its schema marks is replaced whole. Without a usable schema entry suspicion decides, by the
   parameter's name and the shape of its value.
3. Redacting a redacted text changes nothing. A placeholder, stored or numbered, is changed in one case only: it stands
   inside a longer secret, and the longer secret's placeholder replaces both.
4. A found secret is stored only as ``KnownSecret``: keyed fingerprints of the spellings of its value (literal,
   URL-encoded, base64, UTF-16 base64, escaped). ``Sweeper`` removes every occurrence of them elsewhere in the session.
   A sweep writes the kind ``secret``, so that the result does not depend on which of two finders came first.
5. Nothing here raises because of the content of a text or a JSON value. The time taken is linear in its length, and
   bounded for all texts of one record together: detectors look at some thousand places (``detectors.looks``). What is
   left of a text or a value then is not read: if anything in it may be a secret, all of it is replaced as one.
6. Numbers (``[REDACTED:password#1]``) are given when a bundle is made, in the order of its texts.
7. Secrets can contain each other: a connection string contains a password, an encoded header contains both. Whichever
   becomes known first, and whether by a mark or in the text itself, every text ends as if all secrets had been known
   when it came. At each place the longest secret is replaced as a whole by its own placeholder; no piece of it stays.
   Where two secrets overlap in part, both are named and nothing stays, if both are known when the text comes or become
   known at once.

The limits of these promises:

- Where two secrets overlap in part, and a text was stored after the first became known but before the second did, the
  rest of the second stays beside the first's placeholder. To see it, parts of values would have to be fingerprinted. By
  these a value could be guessed bit by bit. The same happens where the door replaced, inside a longer secret, a value
  that is not looked for elsewhere (shorter than six characters, or a word of every ticket): what surrounds it stays.
- Where two secrets share a spelling (a nested value and another parameter), it is removed under the secret that was
  known first, so its placeholder depends on the order of arrival. A text that differs from a secret only in how another
  secret inside it is spelled may or may not be taken for that secret.
- What is replaced because it was not read is not looked for elsewhere, nor are the secrets in it.
- Where a text was cut before a value was known, as an excerpt is, a piece of the value at the text's end stays.

How a value goes through::

    scope = redactor.scope(tenant_id, session_id)      # one per event; cheap
    clean = scope.text(raw)                            # detectors
    used = scope.parameters(schema, raw_used)          # the schema's marks, then suspicion
    found = scope.found_secrets()                      # with those of the events that came along
    learned = scope.learn(known, by_identity(found))   # only where a secret is found or known
    clean = learned.arriving.text(clean)
    earlier = learned.stored.text(earlier)             # texts that are stored already, if any secret is fresh
    remember(learned.fresh)                            # as rows: part of ``known`` the next time
    numbering = number_placeholders(texts_in_order)
    shown, count = numbering.text(clean), numbering.count

The files in reading order: redactor (the door), detectors, parameters, parameter_names, stand_ins, placeholders,
fingerprints, keyring (when keys are replaced), forms (the spellings of a value), sweep, occurrences.
"""

from consumer.domain.redaction.detectors import Looks, is_clean
from consumer.domain.redaction.fingerprints import Fingerprint, FoundSecret, KnownSecret
from consumer.domain.redaction.parameters import Entries, entries
from consumer.domain.redaction.placeholders import Numbering, SecretKind, number_placeholders
from consumer.domain.redaction.redactor import Redactor, Scope
from consumer.domain.redaction.sweep import Learned, Sweeper

__all__ = [
    "Entries",
    "Fingerprint",
    "FoundSecret",
    "KnownSecret",
    "Learned",
    "Looks",
    "Numbering",
    "Redactor",
    "Scope",
    "SecretKind",
    "Sweeper",
    "entries",
    "is_clean",
    "number_placeholders",
]
