"""What a text quotes: it is somebody else's word, and says nothing of the text's own."""

import re

QUOTED = re.compile(r"\"[^\"]*\"|\u201e[^\u201c\u201d]*[\u201c\u201d]|\u201c[^\u201d]*\u201d|(?<!\w)'[^']*'(?!\w)")
