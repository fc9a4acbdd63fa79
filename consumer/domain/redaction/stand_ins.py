"""Stand-ins: texts in the place of a secret that are no secret, such as variables, masks and words like "none"."""

import re

_STAND_IN = re.compile(
    r"""
      \$[A-Za-z_({][^\s]{0,80}            # $var, $env:NAME, ${VAR}, $(command)
    | %[A-Za-z_][\w().:~-]{0,60}%         # %VAR%
    | !\w{1,60}!                          # !VAR! of a batch file
    | \{\{[^{}]{0,80}\}\}                 # {{var}}
    | \{[\w .:-]{0,60}\}                  # {var}, {0}
    | <[^<>]{0,80}>                       # <password>
    | \#\{[^{}]{0,80}\}\#?                # #{var}#
    | @[A-Za-z_]\w{0,60}                  # @p1 of SQL
    | \[REDACTED:.*
    | \[[\w -]{1,40}\]                    # [password], [string]
    | (?i:process\.env|req(?:uest)?|import\.meta\.env|os\.(?:environ|getenv)|getenv|system\.getenv|environment\.get\w{0,24}|env)[.\[(].*
    | (?i:env|file|fd):[\w./~-]{1,80}      # where a command is to read it
    | [*•●·.xX_?#-]+                      # masks
    | \(.*\)
    """,
    re.VERBOSE | re.DOTALL,
)


def words(text: str) -> frozenset[str]:
    """The set of words in a text that lists them, separated by blanks."""
    return frozenset(text.split())


EMPTY_WORDS = words(
    "0 1 null none nil true false yes no n/a na empty blank undefined unset redacted removed hidden masked secret password "
    "string securestring not required optional default unknown tbd todo prompt"
)


def is_stand_in(value: str) -> bool:
    """Whether a value names, masks or denies a secret instead of being one. Expects a value without outer blanks."""
    return not value or value.casefold() in EMPTY_WORDS or _STAND_IN.fullmatch(value) is not None
