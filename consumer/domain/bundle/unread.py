"""The script that was generated last, as long as nothing shows that it ran or that anybody went on after it."""

from consumer.domain.bundle.records import Records, ScriptRecord


def script_to_read(records: Records) -> ScriptRecord | None:
    """The last script, where there is no later check, and no fix applied since: whether it ran is to be found out."""
    last = records.steps[-1] if records.steps else None
    if not isinstance(last, ScriptRecord):
        return None
    at = last.generated_at
    since = (fix.applied_at for fix in records.applied_fixes)
    return None if at is not None and any(applied is not None and applied > at for applied in since) else last
