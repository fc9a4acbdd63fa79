"""`dead-letters`: its commands together, those that look and those that act."""

from consumer.cli.dead_letters import command
from consumer.cli.inspection.tables import dead_letters

dead_letters.command("redrive")(command.redrive)
dead_letters.command("purge")(command.purge)
dead_letters.command("jobs")(command.list_jobs)
dead_letters.command("stop")(command.stop_job)
