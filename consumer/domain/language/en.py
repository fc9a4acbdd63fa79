"""English: the language of the contract, whose headings and fixed sentences are its own, byte by byte."""

import re

from consumer.domain.language.language import NEVER, Counted, Domain, Language
from schemas.packages import SectionKey
from schemas.sessions import FixStatus

ENGLISH = Language(
    tag="en",
    name="English",
    asked="",
    small_words="""the a an of to and in is are was were on for with not by at from after before that this it as be has
    have had or no when which who but still only one all its their can whether if into out up""",
    headings={
        SectionKey.PROBLEM: "Problem",
        SectionKey.CONFIRMED: "What we've confirmed",
        SectionKey.TRIED: "What we've tried",
        SectionKey.HYPOTHESIS: "Current hypothesis",
        SectionKey.NEXT_STEPS: "Suggested next steps",
    },
    no_problem="No problem description was recorded.",
    nothing_confirmed="Nothing confirmed yet.",
    nothing_tried="No diagnostic actions run yet.",
    no_hypothesis="No leading hypothesis yet — symptoms are still being narrowed.",
    title="Handoff: {subject}",
    untitled="Escalation handoff",
    quotes=('"', '"'),
    inner_quotes='"',
    unreadable="(no visible text)",
    unknown_template="(unknown template)",
    orders_left_out="(a text that gives orders, left out here)",
    fix_line="Fix: {title} — {outcome}",
    superseded=", since superseded",
    what_it_is=" What it is: {description}",
    what_it_was=" What it was: {description}",
    failed="applied{superseded}; failed, did not resolve the issue. {reason}{partly}",
    failed_reason="Failure reason: {reason}",
    failed_no_reason="No reason was recorded.",
    failed_partly=" Before that, in part: {notes}",
    partial="partly done{superseded}; not complete or not verified. Notes: {notes}",
    partial_notes="{notes}",
    partial_no_notes="no notes were recorded.",
    pending="recorded as applied{superseded}, awaiting verification: {awaited}{notes}",
    pending_notes=" Notes: {notes}",
    success="applied and verified{superseded}{escalated}.",
    escalated_otherwise="; escalated for another reason",
    outcome_words={
        FixStatus.APPLIED_FAILED: ("did not resolve the issue",),
        FixStatus.APPLIED_PARTIAL: ("partly done", "not complete or not verified"),
        FixStatus.APPLIED_PENDING: ("applied", "awaiting verification"),
        FixStatus.APPLIED_SUCCESS: ("applied and verified",),
    },
    lead_proposed="{title} is the leading hypothesis at {confidence}% confidence; it is not applied yet.",
    lead_failed="{title} was applied and did not hold: {reason} What would resolve the issue remains uncertain.",
    lead_failed_no_reason=(
        "{title} was applied and did not hold; no reason was recorded. What would resolve the issue remains uncertain."
    ),
    lead_partial="{title} was applied only in part: it is not complete or not verified, and the rest is open.{notes}",
    lead_partial_notes=" On record: {notes}",
    lead_pending=(
        "{title} is recorded as in place but not yet confirmed: {waiting} What is awaited tells whether it has been"
        " carried out; it is unverified, and leads until it is confirmed."
    ),
    lead_success="{title} was applied and verified and solved the original symptom; a new or related issue remains.",
    lead_dismissed="{title} was set aside: {reason} What would resolve the issue remains uncertain.",
    lead_dismissed_no_reason="{title} was set aside. What would resolve the issue remains uncertain.",
    lead_words={
        FixStatus.PROPOSED: ("confidence", "not applied yet"),
        FixStatus.APPLIED_FAILED: ("did not hold", "uncertain"),
        FixStatus.APPLIED_PARTIAL: ("in part", "not complete or not verified"),
        FixStatus.APPLIED_PENDING: ("in place but not yet confirmed", "waiting for", "unverified"),
        FixStatus.APPLIED_SUCCESS: ("solved the original symptom", "issue remains"),
        FixStatus.DISMISSED: ("set aside", "uncertain"),
    },
    not_recorded="something that was not recorded",
    waiting_for="waiting for {awaited}",
    waiting_for_words="waiting for, in the record's words: {awaited}",
    waiting=re.compile(
        r"^(?:still\s+)?(?:(?:a?wait(?:s|ing)?|pending)(?:\s+(?:for|on|until))?|wait\s+until)\s*:?\s+", re.IGNORECASE
    ),
    plain_noun=re.compile(
        r"(?:the|an?|this|that|these|those|his|her|their|our|its|tonight['\u2019]s|tomorrow['\u2019]s|something)\s",
        re.IGNORECASE,
    ),
    try_it="Try {title}, proposed at {confidence}% confidence: {description}",
    other_path="Take another path than {title}, starting from why it failed: {reason}",
    other_path_no_reason=(
        "Establish why {title} failed, since no reason was recorded, and take another path from there."
    ),
    complete="Complete {title} or verify it as far as it goes; on record: {notes}",
    complete_no_notes="Establish what of {title} was done, then complete and verify it.",
    confirm=(
        "Follow up what {title} waits for, carry it out where that is still to be done, then confirm whether it held;"
        " awaited: {awaited}"
    ),
    reported="The reported problem was: {title}",
    summary="Summary: {summary}",
    first_fact="No description was recorded; the first confirmed fact was: {fact}",
    filed_under="It was filed under: {domain}",
    escalated_because="It was escalated with the reason: {reason}",
    intake_said="The intake said: {said}.",
    intake_also_said="It also said: {said}.",
    intake_bounds="It asks to heed: {said}.",
    intake_began="The intake began: {said}.",
    reported_by="It was reported by {name}.",
    call_back="To reach them: {reach}.",
    proposes="What it proposes: {description}",
    read_next_first="Read the next step first: it may say what has to come before.",
    take_up_reason="Take up what it was escalated for: {reason}",
    confirm_earlier=(
        "Follow up what the earlier fix {title} waits for, carry it out where that is still to be done, then confirm"
        " whether it held; awaited: {awaited}"
    ),
    complete_superseded="Decide whether {title}, done in part and since superseded, is completed or undone.",
    complete_superseded_notes=(
        "Decide whether {title}, done in part and since superseded, is completed or undone: {notes}"
    ),
    what_remains="Find out whether what remains after {title} came with it or was there before.",
    other_way="Find another way than {title}, which was set aside{facts}.",
    from_facts=", from what the facts leave open",
    test_premise="Test the premise of {title} (only {confidence}% confidence, not applied) before applying it.",
    test_premise_proposed=(
        "Test the premise of {title} (only {confidence}% confidence, not applied) before applying it;"
        " what it proposes: {description}"
    ),
    ask_reporter=(
        "Ask the person who reported it for the exact symptom and error text, who and what is affected, since when,"
        " and what changed last; no fact is recorded."
    ),
    settle_open="Settle what is still open: {said}",
    was_script_run="Establish whether the generated script {title} was run, and record what it showed.",
    keep_informed="Tell who reported it how it stands and what comes next.",
    keep_informed_at="Tell who reported it how it stands and what comes next; to reach them: {reach}.",
    first_check="Confirm what was told by a first diagnostic check; none is recorded.",
    not_again="Not again as it was, for it did not resolve the issue: {titles}{more}.",
    more_failed=" and {number} earlier ones",
    reproduce=(
        "Reproduce the symptom with an affected user and record the exact error text and time,"
        " so that the next change can be judged against it."
    ),
    record_findings="Record what is found with its time and source, so that the next change can be judged against it.",
    advice={
        Domain.NETWORK: (
            "Compare an affected device with one that works, from the same place: address, name resolution, path,"
            " and where the two first differ."
        ),
        Domain.EMAIL: (
            "Compare an affected mailbox with one that works, in another client and in the browser, to tell the"
            " account from the device."
        ),
        Domain.PRINTING: (
            "Print the same job from another device and over another path, to tell the application, the queue and"
            " the printer apart."
        ),
        Domain.IDENTITY: (
            "Compare a failing sign-in with one that works: account, device, place and time, and what the sign-in"
            " log says of both."
        ),
        Domain.SECURITY: (
            "Establish the extent before changing more: what is concerned, since when, and what has been changed or"
            " contained so far; keep the evidence."
        ),
        Domain.FILES: (
            "Compare an affected share with one that works: path, rights, free space, and the device from which it"
            " is opened."
        ),
        Domain.BACKUP: (
            "Establish when the last good copy was made and whether it can be restored, before anything else is"
            " changed."
        ),
        Domain.VIRTUAL: (
            "Compare a session that is affected with one that is not: user, host, time and device, and the first"
            " step at which the two differ."
        ),
        Domain.DEVICE: (
            "Swap one part at a time against one that works (user, device, cable, place), to tell the hardware from"
            " the profile."
        ),
        Domain.APPLICATION: (
            "Compare an affected user with one who can work: version, rights, data and device, and which of them"
            " moves the error."
        ),
        Domain.TELEPHONY: (
            "Compare a failing call with one that works: direction, device, place and path, and where the two first"
            " differ."
        ),
    },
    domains={},
    sources={},
    recorded="Recorded",
    asked_beside_report="in these words; what is asked in them is no finding",
    asked_only="asked in these words, no finding",
    quoted_fact="{source}, {label}: {text}",
    recorded_times=" (recorded {number} times)",
    recorded_times_last=" (recorded {number} times, last on {moment})",
    recorded_at=" (recorded {time})",
    recorded_on=" (recorded {day})",
    months=(
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    day="{day} {month} {year}",
    moment="{day} at {time} {zone}",
    day_and_time="{day} {month} at {time}",
    day_and_time_utc="{day} {month} at {time} UTC",
    check="Diagnostic check: {text}",
    check_of="Diagnostic check ({source}): {text}",
    script="Script generated: {name}",
    script_with="Script generated: {name}, with {values}",
    note=" Note: {note}",
    script_unread=" Whether it ran is not recorded.",
    left_out="Left out for length, the oldest: {counts}.",
    shortened="The texts of {fixes} are shortened for length.",
    joined=" and ",
    counted={
        Counted.FACT: ("{number} fact", "{number} facts"),
        Counted.CHECK: ("{number} check", "{number} checks"),
        Counted.SCRIPT: ("{number} script", "{number} scripts"),
        Counted.FIX: ("{number} fix", "{number} fixes"),
    },
    over=NEVER,
    to_fill_in=NEVER,
    of_itself=NEVER,
    spelling=None,
)  # fmt: skip
