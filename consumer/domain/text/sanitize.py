"""Untrusted text made harmless: one line, nothing invisible, nothing that a renderer would act on.

`clean` gives the text that plain readers see, `escape` the markdown that shows exactly that text. Both promise,
whatever comes in: no heading, list, quote, fence, HTML, image, link, mention, zero-width, bidirectional or control
character, no `TBD`; an address (URL) stands as code text. Neither raises; both are linear in the text.
"""

import re
import unicodedata

_INVISIBLE_MARKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0\ufffe\uffff"
)
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_OPEN, _CLOSE = "\u2039", "\u203a"
"""Stand for the angle brackets of a tag: readable, and no tag to any renderer."""
_ACTIVE = re.compile(r"[`<\]@\[]|[Bb]\.?[Dd]")
"""Without any of these a line stays as it is: most texts are spared the closer look."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])([^<>]*)>")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE_OR_LINK = re.compile(r"!(?=\[)|\](?=[(\[])")
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_TO_BE_DETERMINED = re.compile(r"\bT\.?B\.?D\b\.?(?!\w)", re.IGNORECASE)

ADDRESS = re.compile(
    r"(?:\b[A-Za-z][A-Za-z0-9+.-]{1,20}://|\bwww\.|\b(?:mailto|javascript|vbscript|data|file):)[^\s\"'`\u2039\u203a|]*[^\s\"'`\u2039\u203a|.,;:!?)\]}…]",
    re.IGNORECASE,
)
"""A URL, or what renderers turn into one, without the punctuation after it."""
_SHARE = r"\\\\[^\s\"'`\u2039\u203a|,;]*[^\s\"'`\u2039\u203a|,;.:!?)\]}\u2026\\]"
_AS_CODE = re.compile(rf"{ADDRESS.pattern}|{_SHARE}", re.IGNORECASE)
"""Shown as code: addresses, that nothing makes links of them, and network paths, whose backslashes would be escapes."""
_MARK = re.compile(r"[\\*_~&:]|[Ww]{3}\.")
"""Without any of these nothing inside a line is escaped."""
_ESCAPED = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~]|$)          # a backslash that would escape what follows
    | \*
    | (?<![^\W_])_ | _(?![^\W_])       # not inside a word
    | ~(?=~) | (?<=~)~
    | &(?=\#|\w{1,40};)
    """,
    re.VERBOSE,
)
_BLOCK_START = re.compile(
    r"""
      (?P<digits>\d{1,9})(?=[.)](?:\s|$))
    | \#(?=\#{0,5}(?:\s|$)) | [-+](?=\s|$) | [-=](?=[-=\s]*$) | > | ~(?=~~) | \| | \[(?!REDACTED:)
    """,
    re.VERBOSE,
)
_PLACEHOLDER_START = re.compile(r"\[[^\[\]]*$")
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
UNREADABLE = "(no visible text)"
"""Stands for a text that holds invisible characters alone."""
ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text in one line, fit to be shown anywhere; cleaning it again changes nothing."""
    line = " ".join(_visible(text).split())
    if _ACTIVE.search(line) is None:
        return line
    line = line.replace("`", "'")
    line = _TAG_START.sub(_OPEN, _TAG.sub(rf"{_OPEN}\1{_CLOSE}", line))
    line = _IMAGE_OR_LINK.sub(lambda found: found[0] + " ", line)
    line = _TO_BE_DETERMINED.sub("to be determined", line)
    return _MENTION.sub("@ ", line).strip()


def escape(line: str) -> str:
    """Markdown for one cleaned line that begins a block: rendered, it reads as the line does."""
    if _MARK.search(line) is None:
        return _escape_start(line)
    written: list[str] = []
    at = 0
    for code in _AS_CODE.finditer(line):
        written += (_ESCAPED.sub(_backslashed, line[at : code.start()]), "`", code[0], "`")
        at = code.end()
    written.append(_ESCAPED.sub(_backslashed, line[at:]))
    return _escape_start("".join(written))


def shorten(line: str, limit: int) -> str:
    """A cleaned line of at most `limit` characters: whole, or cut at a sentence or a word and ended by ``…``."""
    if len(line) <= limit:
        return line
    head = line[: limit - 2]
    sentence = max((found.end() for found in _SENTENCE_END.finditer(line, 0, limit - 1)), default=0)
    if sentence >= limit * 2 // 3:
        return f"{line[:sentence]} {ELLIPSIS}"
    inside = _PLACEHOLDER_START.search(head)
    if inside is not None and head.startswith("[REDACTED:", inside.start()):
        head = head[: inside.start()]
    word = head.rfind(" ")
    if word >= limit // 2 and not line[limit - 2].isspace():
        head = head[:word]
    return head.rstrip(" ,;:-\u2013\u2014") + ELLIPSIS


def shown(text: str, limit: int) -> str:
    """A text of the record as a list shows it: cleaned, shortened, and never nothing."""
    return shorten(clean(text) or UNREADABLE, limit)


def is_harmless(text: str) -> bool:
    """Whether nothing in the text is invisible, a line break included."""
    return _visible(text) == text and "\n" not in text


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char.isspace() else char for char in text if char.isspace() or not _is_invisible(char))


def _is_invisible(char: str) -> bool:
    if char in _INVISIBLE_MARKS or "\U000e0100" <= char <= "\U000e01ef":
        return True
    return unicodedata.category(char) in _INVISIBLE_CATEGORIES


def _backslashed(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _escape_start(line: str) -> str:
    found = _BLOCK_START.match(line)
    if found is None:
        return line
    at = len(found["digits"] or "")
    return f"{line[:at]}\\{line[at:]}"
