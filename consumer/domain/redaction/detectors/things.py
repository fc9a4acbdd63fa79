"""What else a word with digits or signs can be: a device, a product, a case, a file, an address, a key, a setting."""

import re

_PRODUCTS = (
    r"iphone|ipad(?:os)?|ipod|macbook|imac|macos|ios|android|galaxy|pixel|surface|thinkpad|latitude|optiplex|elitebook|probook"
    r"|laserjet|officejet|win(?:dows)?|office|outlook|exchange|sharepoint|teams|onedrive|teamviewer|anydesk|sql|server|chrome"
    r"|firefox|edge|acrobat|autocad|sage|datev|fritz!?box"
)
_THING = re.compile(
    rf"""
      (?:[\w-]{{0,16}}[-_])?(?:{_PRODUCTS})(?:pro|air|max|plus|mini)?[-_ .]?[0-9][\w.]{{0,12}}
    | (?:phone|m|o|v|version|build|error|event|code|room|raum)[-_ .]?[0-9][\w.]{{0,12}}
    | (?:inc|kb|cve|ritm|req|chg|cas|case|tkt|ticket|aadsts)[-_#]?[0-9][0-9-]{{2,14}}
    | (?:srv|svr|dc|fs|app|web|sql|mail|print|backup|nas|rds|vm|esx|host)[-_]?(?:[a-z]{{1,8}}[-_]?)?[0-9]{{1,4}}
    | (?:pc|nb|lt|ws|tb|sw|ap|laptop|desktop|notebook|tablet|printer|drucker)[-_]?[0-9]{{2,7}}[a-z]?   # a device's label
    | [\w.+-]{{1,64}}@[\w-]{{1,60}}(?:\.[\w-]{{1,60}}){{1,5}}
    | [a-z][\w-]{{0,60}}(?:\.[\w-]{{1,60}}){{0,5}}\.(?:local|lan|corp|internal|intern|test|example|com|net|org|io|eu|de|at|ch|fr|it|es|nl|be|uk)
    | [\w-]{{1,80}}\.(?:pdf|docx?|xlsx?|csv|txt|log|zip|exe|msi|ps1|bat|sh|png|jpe?g|eml|msg|conf|cfg|ini|xml|json|ya?ml|mdb|pst)
    | (?:ctrl|strg|alt|shift|win|cmd)\+\S{{1,16}}
    | [a-z]\w{{1,30}}=[0-9]{{1,6}}                                     # LogonType=3
    | (?:ms)?(?:sql|sqlagent|sqlbrowser|msolap|reportserver)\$\w{{1,30}}  # an instance of SQL Server
    | [0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}} | [0-9a-f]{{2}}(?:[:-][0-9a-f]{{2}}){{5}}
    | wpa[0-9]?(?:[+/-]\w{{1,12}}){{0,2}}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def names_a_thing(text: str) -> bool:
    """Whether the word is one of these. A mark that ends a sentence does not count."""
    return _THING.fullmatch(text.rstrip("!?")) is not None
