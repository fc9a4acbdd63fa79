"""All readers as one."""

from consumer.adapters.postgres.viewing.dead_letters import DeadLetterTables
from consumer.adapters.postgres.viewing.overview import OverviewTables
from consumer.adapters.postgres.viewing.packages import PackageTables
from consumer.adapters.postgres.viewing.requests import RequestTables
from consumer.adapters.postgres.viewing.sessions import SessionTables
from consumer.adapters.postgres.viewing.story import StoryTables


class PostgresViewing(OverviewTables, RequestTables, StoryTables, PackageTables, SessionTables, DeadLetterTables):
    """Implements the port `flows.viewing.ports.Viewing`."""
