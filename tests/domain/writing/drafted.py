"""A session of every kind for tests of the rules draft, and the steps of one."""

from typing import Any

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import SessionEvent
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.writing import rules_draft
from schemas.sessions import FixStatus
from tests.support import build

BY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)

_OUTCOMES: dict[FixStatus, dict[str, Any]] = {
    FixStatus.PROPOSED: {},
    FixStatus.APPLIED_SUCCESS: {},
    FixStatus.APPLIED_FAILED: {"failure_reason": "Scans still stop with 0x80070035 after the change on SCAN-02."},
    FixStatus.APPLIED_PARTIAL: {"partial_notes": "Changed on SCAN-02; SCAN-03 is in use until Friday."},
    FixStatus.APPLIED_PENDING: {"pending_reason": "The night run at 01:30 has to deliver to \\\\HBR-FS01\\scans."},
    FixStatus.DISMISSED: {},
}
_FACTS = (
    build.fact("Both scanners stop with error 0x80070035 since Tuesday 3 March.", fact_id="1"),
    build.check(
        "SMB 1 is off on HBR-FS01 since the update of 2 March.", fact_id="2", source_summary="HBR-FS01, feature list"
    ),
    build.fact("The office manager can open \\\\HBR-FS01\\scans from her PC.", fact_id="3", source_type="user_report"),
    build.check("SCAN-02 with firmware 2.41 offers SMB 1 only; 3.02 is available.", fact_id="4"),
    build.fact("About 40 invoices a day wait in the tray.", fact_id="5", source_summary="Office manager, 9:10"),
)


def session(status: FixStatus, facts: int, *, scripts: bool, superseded: bool, language: Language = ENGLISH) -> Bundle:
    events: list[SessionEvent] = [
        build.opened(
            title="Scan to folder stopped",
            problem_summary="Both scanners of the branch stopped delivering to the server after the update of 2 March.",
            problem_domain="printing",
        ),
        *_FACTS[:facts],
    ]
    if scripts:
        events.append(
            build.script(
                "Test scan target", slug="scan-target", parameters={"target": "\\\\HBR-FS01\\scans", "user": "svc-scan"}
            )
        )
    if superseded:
        events += [
            build.fix("Reset the password of svc-scan", fix_id="old-1", confidence_pct=55),
            build.outcome("applied_failed", fix_id="old-1", failure_reason="The same error with the new one."),
            build.superseded(fix_id="old-1"),
            build.fix("Restart the scan service on SCAN-02", fix_id="old-2", confidence_pct=40),
            build.outcome("applied_partial", fix_id="old-2", partial_notes="Restarted once, not watched."),
            build.superseded(fix_id="old-2"),
        ]
    events.append(
        build.fix(
            "Update the scanner firmware to 3.02",
            fix_id="active",
            confidence_pct=85,
            description="Firmware 3.02 offers SMB 3, which HBR-FS01 accepts.",
        )
    )
    if status is not FixStatus.PROPOSED:
        events.append(build.outcome(status.value, fix_id="active", **_OUTCOMES[status]))
    return build.bundle(*events, reason="The branch has no one on site after 17:00.", language=language)


def steps_of(bundle: Bundle) -> list[str]:
    return [step.text for step in rules_draft.steps(bundle)]
