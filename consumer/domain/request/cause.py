"""Decides why a request gets a revision, or that it gets none."""

from consumer.domain.request.work import Work
from schemas.packages import Cause


def cause_of(work: Work, *, bundle_sha256: str, prompt_version: str, model: str | None) -> Cause | None:
    """The cause of the next revision (contract parts 4 and 7); None when there is nothing new to say.

    `bundle_sha256` is the digest of the bundle that was built for this work. `prompt_version` and `model` are those of
    the draft that would be asked for; `model` is None without a key.
    """
    last = work.last
    if last is None:
        return Cause.REQUEST
    same = last.bundle_sha256 == bundle_sha256
    if work.cause is Cause.REPLAY:
        if work.terms is not None and not work.terms.calls_model:
            return Cause.REPLAY  # only the rendered text shows whether it differs
        drafted = (last.bundle_sha256, last.prompt_version, last.model)
        return None if drafted == (bundle_sha256, prompt_version, model) else Cause.REPLAY
    if work.upgrade_wanted and model is not None and (same or work.cause is Cause.UPGRADE):
        return Cause.UPGRADE
    return None if same or work.cause is Cause.UPGRADE else Cause.STATE_CHANGED
