"""Ids of models as the clouds spell them, and the one name that a model has everywhere.

Whatever is keyed by a model (its habits, its price) is keyed by this name, so that a model keeps both wherever it runs.
"""

import re

_CLOUD = re.compile(r"^(?:arn:.*/)?(?:[a-z]+(?:-[a-z]+)*\.)?anthropic\.(?=claude-)")
"""Amazon Bedrock's: a region, or `global`, before the vendor; perhaps all of it within the ARN of a profile."""
_VERSION = re.compile(r"(?:-v\d+(?::\d+)?(?::\d+k)?|@[\w-]+)$")
"""Amazon Bedrock's version, with a context length perhaps, and Google's."""
_DATE = re.compile(r"-20\d{6}$")


def plain_id(model: str) -> str:
    """The id without region, vendor, version and date: `eu.anthropic.claude-x-5-20261001-v1:0` is `claude-x-5`.

    An id of another form, such as a deployment's own name, stays as it is.
    """
    name = _CLOUD.sub("", model)
    return _DATE.sub("", _VERSION.sub("", name)) if name.startswith("claude-") else model
