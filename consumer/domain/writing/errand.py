"""What the reason of an escalation asks of the next engineer or calls open: from the first such sentence to the last.

The words are English, German, French, Italian, Spanish and Dutch. A reason without any of them is taken whole.
"""

import re

from consumer.domain.text.sentences import sentences_of

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


def errand_of(reason: str) -> str:
    """The part of a cleaned reason that asks; what stands before and after is told with the problem."""
    parts = sentences_of(reason)
    at = [number for number, part in enumerate(parts) if _ASKS.search(part)]
    return " ".join(parts[at[0] : at[-1] + 1]) if at else reason
