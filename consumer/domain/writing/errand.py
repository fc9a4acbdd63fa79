"""What the reason of an escalation asks of the next engineer or calls open: from the first such sentence to the last.

The words are English, German, French, Italian, Spanish and Dutch. A reason without any of them is taken whole.
"""

import re
from itertools import pairwise

from consumer.domain.text.sanitize import ELLIPSIS
from consumer.domain.text.sentences import sentences_of

_LEFT_OUT = f" {ELLIPSIS} "

_ASKS = re.compile(
    r"""
      \b(?:needs?|needed|must|ha(?:s|ve)\s+to|should|please|pls|somebody|someone|anybody|whoever|who|can\s+you|could\s+you
      |new|still|missing|nobody|no\s+one|remains|wants?|decid\w+|decision|approv\w+|ask(?:s|ed)?|next|owns?|unable|cannot
      |can['\u2019]?t|look\s+at|take\s+over|not\s+(?:my\s+call|cleared|allowed|authori[sz]ed|permitted|trained|mine|able)
      |no\s+(?:rights?|access|permissions?)|(?:do|does)(?:n['\u2019]t|\s+not)\s+(?:have|know|see))\b
    | \b(?:neu|noch|fehlt|fehlen|niemand|offen|brauch\w*|muss|m\u00fcssen|soll\w*|bitte|jemand|wer|entscheid\w*|darf
      |d\u00fcrfen|freigabe|freigeben|\u00fcbernehm\w*|(?:keine?|ohne)\s+(?:rechte|zugriff|zugang|berechtigung\w*)
      |kann\s+(?:ich\s+)?nicht)\b
    | \b(?:reste|manque\w*|personne|nouveau|nouvelle|il\s+faut|faudrait|doit|doivent|besoin|merci\s+de|veuillez
      |quelqu['\u2019]un|qui|d\u00e9cid\w+|accord|pas\s+(?:le\s+droit|les\s+droits|acc\u00e8s|d['\u2019]acc\u00e8s))\b
    | \b(?:manca|mancano|nessuno|resta|nuov[oa]|serve|servono|deve|devono|bisogna|occorre|qualcuno|chi|per\s+favore
      |non\s+(?:posso|ho))\b
    | \b(?:falta\w*|nadie|queda|nuev[oa]|necesit\w+|hay\s+que|debe\w*|alguien|qui\u00e9n|por\s+favor
      |no\s+(?:puedo|tengo))\b
    | \b(?:ontbreekt|nieuw|nog|moet\w*|graag|iemand|wie|nodig|beslis\w*|mag|kan\s+(?:ik\s+)?niet)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


_OWN = re.compile(
    r"""\b(?:i\s+(?:have\s+to|must|need\s+to)|ich\s+muss|muss\s+ich|je\s+dois|(?:io\s+)?devo|tengo\s+que|ik\s+moet|moet\s+ik)
    \b(?!\s+(?:know|wissen|savoir|sapere|saber|weten))""",
    re.VERBOSE | re.IGNORECASE,
)
"""What the writer has to do: it asks nothing of others."""


def _asks(sentence: str) -> bool:
    """Whether a cleaned sentence asks something or calls something open."""
    return "?" in sentence or _ASKS.search(_OWN.sub(" ", sentence)) is not None


def errand_of(reason: str, longest: int) -> str | None:
    """A cleaned reason from the first sentence that asks; None where none does. What stands before is told elsewhere.

    Where that has more than `longest` characters, up to the last sentence that asks. Where that has more, too, only the
    sentences that ask, with what was left out marked; of those the last that fit: a reason that is so long comes to its
    point late.
    """
    parts = sentences_of(reason)
    at = [number for number, part in enumerate(parts) if _asks(part)]
    if not at:
        return None
    whole, asking = (" ".join(parts[at[0] : end]) for end in (len(parts), at[-1] + 1))
    if len(asking) <= longest:
        return whole if len(whole) <= longest else asking
    chosen: list[int] = []
    room = longest
    for number in reversed(at):
        room -= len(parts[number]) + len(_LEFT_OUT)
        if room < 0:
            break
        chosen.insert(0, number)
    if not chosen:
        return asking
    said = parts[chosen[0]]
    for before, number in pairwise(chosen):
        said += f"{' ' if number == before + 1 else _LEFT_OUT}{parts[number]}"
    return said
