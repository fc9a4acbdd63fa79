"""All that is asked of a service while it is killed. Acts are small and whole, and end the same whatever was killed.

The first line of its docstring says what it is about. Acts of `LIVE` leave what the oracle expects; those of `JOBS`
delete or repair, so that only its checks of what was published apply.
"""

from collections.abc import Awaitable, Callable, Mapping

from tests.support.killing import jobs, live
from tests.support.killing.world import World

Act = Callable[[World], Awaitable[None]]

PROBING: tuple[Act, ...] = (live.model_away,)
"""How often the model is asked in these is a matter of time."""
DRAFTS_AT_ONCE: Mapping[Act, int] = {live.refused_by_model: 2}
"""How many drafts a kill may cost, where it is not one: here each model is asked anew."""
LIVE: tuple[Act, ...] = (
    live.plain,
    live.late,
    live.behind,
    live.repaired,
    live.rejected,
    live.flagged,
    live.at_once,
    live.asked_to_wait,
    live.refused_by_model,
    live.model_away,
    live.answer_late,
    live.revised,
    live.cancelled,
    live.erased,
    live.policies,
    live.sent_again,
    live.doubted,
    live.killed_and_back,
    live.lost_twice,
    live.ended,
    live.cut_off,
)
JOBS: tuple[Act, ...] = (
    jobs.secret_late,
    jobs.redriven,
    jobs.purged,
    jobs.replayed,
    jobs.replayed_free,
    jobs.trimmed,
    jobs.rebuilt,
    jobs.restored,
)
FIRST: tuple[Act, ...] = (live.first_start, live.without_key)
"""They need a stage of their own, and start the service."""
ACTS = {act.__name__: act for act in (*LIVE, *JOBS, *FIRST)}
