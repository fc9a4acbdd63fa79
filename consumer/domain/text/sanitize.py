"""Makes untrusted text harmless: one line, nothing invisible, nothing that a renderer would act on.

`clean` returns the text that plain readers see. `escape` returns the markdown that shows exactly that text. Whatever
comes in, both promise: no heading, list, quote, fence, HTML, image, link or mention; no zero-width, bidirectional or
control character; no `TBD`. An address (URL) stands as code text. Neither raises; both take time linear in the text.
"""

import re
import unicodedata

_INVISIBLE_MARKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0\ufffe\uffff"
)
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MARKS = re.compile(rf"[{''.join(sorted(_INVISIBLE_MARKS))}\U000e0100-\U000e01ef]")
"""Invisible, though Python calls them printable."""
_OPEN, _CLOSE = "\u2039", "\u203a"
"""Replace the angle brackets of a tag: readable, and no renderer sees a tag."""
_ACTIVE = re.compile(r"[`<\]@\[]|[Bb]\.?[Dd]")
"""A line without any of these stays as it is, so that most texts need no closer look."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])([^<>]*)>")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE_OR_LINK = re.compile(r"!(?=\[)|\](?=[(\[])")
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_TO_BE_DETERMINED = re.compile(r"\bT\.?B\.?D\b\.?(?!\w)", re.IGNORECASE)

ADDRESS = re.compile(
    r"(?<![^\W\d_])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.|(?:mailto|javascript|vbscript|data|file):)[^\s\"'`\u2039\u203a|]*[^\s\"'`\u2039\u203a|.,;:!?)\]}…]",
    re.IGNORECASE,
)
"""A URL, or a text that renderers turn into a link, without the punctuation after it."""
_SHARE = r"\\\\[^\s\"'`\u2039\u203a|,;]*[^\s\"'`\u2039\u203a|,;.:!?)\]}\u2026\\]"
_AS_CODE = re.compile(rf"{ADDRESS.pattern}|{_SHARE}", re.IGNORECASE)
"""Shown as code: addresses, so that they become no links, and network paths, whose backslashes would be escapes."""
_MARK = re.compile(r"[\\*_~&:]|[Ww]{3}\.")
"""In a line without any of these, only the start can need an escape."""
_OF_MARKDOWN = r"""
      \\(?=[!-/:-@\[-`{-~]|$)          # a backslash that would escape what follows
    | \*
    | (?<![^\W_])_ | _(?![^\W_])       # not inside a word
    | &(?=\#|\w{1,40};)
    """
_ESCAPED = re.compile(_OF_MARKDOWN, re.VERBOSE)
_ESCAPED_WITH_TILDES = re.compile(rf"{_OF_MARKDOWN} | ~", re.VERBOSE)
"""For a line with two tildes: GitHub strikes out what stands between them, also between single ones."""
_BLOCK_START = re.compile(
    r"""
      (?P<digits>\d{1,9})(?=[.)](?:\s|$)) | [.)](?=\s|$)
    | \#(?=\#{0,5}(?:\s|$)) | [-+](?=\s|$) | [-=](?=[-=\s]*$) | > | ~(?=~~) | \| | \[(?!REDACTED:)
    """,
    re.VERBOSE,
)
_PLACEHOLDER_START = re.compile(r"\[[^\[\]]*$")
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text in one line, fit to be shown anywhere. Cleaning it again changes nothing."""
    line = " ".join(text.split())
    if not _is_plain(line):
        line = " ".join(_visible(text).split())
    if _ACTIVE.search(line) is None:
        return line
    line = line.replace("`", "'")
    line = _TAG_START.sub(_OPEN, _TAG.sub(rf"{_OPEN}\1{_CLOSE}", line))
    line = _IMAGE_OR_LINK.sub(lambda match: match[0] + " ", line)
    line = _TO_BE_DETERMINED.sub("to be determined", line)
    return _MENTION.sub("@ ", line).strip()


def escape(line: str) -> str:
    """Markdown for one cleaned line that begins a block. Rendered, it reads like the line."""
    if _MARK.search(line) is None:
        return _escape_start(line)
    escaped = _ESCAPED if line.count("~") < 2 else _ESCAPED_WITH_TILDES
    written: list[str] = []
    at = 0
    for code in _AS_CODE.finditer(line):
        written += (escaped.sub(_backslashed, line[at : code.start()]), "`", code[0], "`")
        at = code.end()
    written.append(escaped.sub(_backslashed, line[at:]))
    return _escape_start("".join(written))


def shorten(line: str, limit: int) -> str:
    """A cleaned line in at most `limit` characters: whole, or cut at a sentence or a word and ended by ``…``."""
    if len(line) <= limit:
        return line
    head = line[: limit - 2]
    sentence = max((match.end() for match in _SENTENCE_END.finditer(line, 0, limit - 1)), default=0)
    if sentence >= limit * 2 // 3:
        return f"{line[:sentence]} {ELLIPSIS}"
    cut_placeholder = _PLACEHOLDER_START.search(head)
    if cut_placeholder is not None and head.startswith("[REDACTED:", cut_placeholder.start()):
        head = head[: cut_placeholder.start()]
    word = head.rfind(" ")
    if word >= limit // 2 and not line[limit - 2].isspace():
        head = head[:word]
    return head.rstrip(" ,;:-\u2013\u2014") + ELLIPSIS


def shown(text: str, limit: int, *, unreadable: str) -> str:
    """A text of the record as a list shows it: cleaned, shortened to `limit` characters, and never empty."""
    return shorten(clean(text) or unreadable, limit)


def is_harmless(text: str) -> bool:
    """Whether the text has no invisible character and no line break."""
    return _visible(text) == text and "\n" not in text


def _is_plain(text: str) -> bool:
    """Whether nothing in the text is invisible, by two looks that cost nothing for each character."""
    return text.isprintable() and (text.isascii() or _MARKS.search(text) is None)


def _visible(text: str) -> str:
    if _is_plain(text):
        return text
    return "".join(" " if char.isspace() else char for char in text if char.isspace() or not _is_invisible(char))


def _is_invisible(char: str) -> bool:
    if char in _INVISIBLE_MARKS or "\U000e0100" <= char <= "\U000e01ef":
        return True
    return unicodedata.category(char) in _INVISIBLE_CATEGORIES


def _backslashed(match: re.Match[str]) -> str:
    return "\\" + match[0]


def _escape_start(line: str) -> str:
    match = _BLOCK_START.match(line)
    if match is None:
        return line
    at = len(match["digits"] or "")
    return f"{line[:at]}\\{line[at:]}"
