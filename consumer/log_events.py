"""The names of all log lines, the field `event`, in one closed set: each with what to do about it.

A name never changes its meaning; a new line gets a new name. The sentence, the level and the fields of each stand where
it is written; docs/logs.md is made of both (`python -m tests.support.log_lines`), and a test compares them.
"""

from collections.abc import Mapping

LIBRARY = "library"
"""What a library says: its own sentence, once in 30 seconds."""
NOTHING = ""

LOG_EVENTS: Mapping[str, str] = {
    # life of the process
    "started": NOTHING,
    "waiting_to_be_prepared": "Run `escalation-consumer prepare`, or look why the server in `error` is away.",
    "no_model": "Set ANTHROPIC_API_KEY, if the model is to draft.",
    "variable_looks_like_a_setting": "Correct the variable's name if it was meant for this service.",
    "unprotected": "Encrypt the connection in `reason`. ESCALATION_REQUIRE_TLS=true makes the start refuse it.",
    "secret_file_unusable": "Mend the file of `variable`; until then the secret that it held before is used.",
    "no_kafka_token": "Mend the file of ESCALATION_KAFKA_OAUTH_TOKEN, or ESCALATION_KAFKA_OAUTH_COMMAND.",
    "signal": NOTHING,
    "ending": NOTHING,
    "draining": NOTHING,
    "ended": NOTHING,
    "loop_restarted": "A fault of the service: report the error with its traceback. It goes on by itself.",
    "loop_cut_off": "Nothing is lost: what was under way is done again. Report it where it happens often.",
    # hops
    "hop_lost": "`reason` says what is away; /readyz names it until it works. `lost_meanwhile`: how often it flapped.",
    "hop_recovered": NOTHING,
    LIBRARY: "Only with a line of the service beside it: a hop that is lost, say.",
    # intake
    "record_refused": "Look at it with `dead-letters list`; its producer has to mend it.",
    "records_refused": "As `record_refused`: a flood, summed up.",
    "refusals_leap": "Most records are refused: look at what was rolled out last, here or at the producer.",
    "record_set_aside": "A fault of the service: report the error with its traceback. The record is a dead letter.",
    "intake_batch_given_up": NOTHING,
    "commit_failed": "Nothing, if it ends: the records count once. Else look at Kafka.",
    "consumer_stuck": "Nothing, if it ends: a new consumer reads on. Else look at Kafka.",
    "offset_lost": "Records left the topic before they were read, or it was made anew: send them on the replay topics.",
    # drafting
    "request_failed": "The event on the failed topic says the same to the asker.",
    "work_waits": "Nothing: it is done when the server in `error` is back.",
    "work_failed": "A fault of the service, if it comes again: report the error with its traceback.",
    "work_fell": "A fault of the service: report the error with its traceback.",
    "work_gone": NOTHING,
    "work_unprocessable": "This session cannot be drafted: report it with its ids.",
    "work_unreadable": "Another release wrote this row: end the roll-out.",
    "sample_failed": "This release cannot draft at all: take the last one.",
    "draft_fell": "A fault of the service: report the error with its traceback. Rules drafted.",
    "unchecked": "Nothing, if it is rare: the package is marked `unchecked`.",
    "prompt_refused": "Nothing: rules draft this one. Many of them become an outage of the hop `model`.",
    "plain_form": "Nothing: the gateway or model knows fewer fields.",
    "cost_not_noted": "Nothing: what the call may cost stays held until the month ends.",
    "no_price": "Set a model with a known price, or no budget.",
    "claim_not_released": NOTHING,
    "lease_not_released": NOTHING,
    "leases_not_released": NOTHING,
    "renewal_failed": NOTHING,
    # publishing
    "package_published": NOTHING,
    "end_published": NOTHING,
    "relay_leads": NOTHING,
    "relay_superseded": NOTHING,
    "relay_resign": NOTHING,
    "relay_refused": "Mend the topic in `topic` by what `error` says; its events wait in the outbox.",
    "relay_admitted": NOTHING,
    "relay_disagreement": "A store was restored: compare `agreement`. What stands on the topics is not sent again.",
    "relay_searched": NOTHING,
    "relay_hanging_transactions": "Nothing: they are ended. It follows the kill of a broker.",
    "relay_foreign_transaction": "Another producer's transaction blocks readers: end it with Kafka's own tools.",
    # budgets, retention, replays, rebuilds
    "budget_nearly_spent": "Raise the budget, or let rules draft from then on.",
    "budget_spent": "Raise the budget; rules draft meanwhile.",
    "trimmed": NOTHING,
    "trimming_waits": NOTHING,
    "replay_waits": NOTHING,
    "replay_rests": NOTHING,
    "replay_failed": "A fault of the service: report it. The plan goes on when it is applied again.",
    "redrive_submitted": NOTHING,
    "redrive_begun": NOTHING,
    "redrive_waits": "Nothing: the job goes on when the server in `error` is back.",
    "redrive_lost": NOTHING,
    "redrive_stopped": NOTHING,
    "redrive_done": "`dead-letters list` shows what is still refused.",
    "store_behind": "The store was restored: it reads again what it lost, by itself.",
    "store_caught_up": NOTHING,
    "records_not_retained": "The topic no longer has them: send them on the replay topics.",
    "pooler_noticed": NOTHING,
    # traces
    "traces_on": NOTHING,
    "traces_off": "Mend the variables in `wrong`, or install the extra in `install`.",
    "spans_lost": "Look at the collector; nothing else suffers.",
    # console
    "console_closed": "Set ESCALATION_CONSOLE_TOKEN, or listen on loopback.",
    "console_signed_in": NOTHING,
    "console_sign_in_failed": "Nothing, if it was an operator; many of them: look who asks.",
    "console_action": NOTHING,
    "console_page_unread": "Nothing, if it ends: PostgreSQL was away. The work of the service goes on.",
    "console_page_late": "As `console_page_unread`: look whether PostgreSQL is slow.",
    "console_page_failed": "A fault of the console: report it. The work of the service goes on.",
    "console_live_failed": "As `console_page_failed`.",
}
