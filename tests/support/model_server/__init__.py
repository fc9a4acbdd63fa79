"""A loopback server that speaks the Messages API as each provider does, with a menu of faults.

Files: received (a request), replies (an answer, and how it is sent), complaints (what the API refuses), clouds (paths,
signatures and errors of each provider), behaviours (the menu), server.
"""

from tests.support.model_server.behaviours import (
    Limited,
    Menu,
    broken_json,
    error,
    hang,
    html,
    json_body,
    only_plain_form,
    reset,
    spend_limit,
)
from tests.support.model_server.received import Received
from tests.support.model_server.replies import Behaviour, Reply
from tests.support.model_server.server import ModelServer, Write

__all__ = [
    "Behaviour",
    "Limited",
    "Menu",
    "ModelServer",
    "Received",
    "Reply",
    "Write",
    "broken_json",
    "error",
    "hang",
    "html",
    "json_body",
    "only_plain_form",
    "reset",
    "spend_limit",
]
