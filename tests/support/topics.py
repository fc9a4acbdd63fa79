"""Topics of a test's own."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def make_topics(bootstrap_servers: str, **partitions: int) -> None:
    """Makes each topic with its partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name=name, num_partitions=number, replication_factor=1) for name, number in partitions.items()]
        )
    finally:
        await admin.close()
