"""The check of Redis: reachable, new enough, and what it does when it is full. It writes nothing."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from consumer.adapters.redis.login import redis_client
from consumer.flows.operation.checkup import Finding, broken, doubtful, sound

LEAST_VERSION = (6, 2)
_SECONDS = 3.0


class RedisCheck:
    """Whether the cache answers."""

    name = "Redis"
    after: str | None = None

    def __init__(self, url: str | None) -> None:
        self._url = url

    async def findings(self) -> Sequence[Finding]:
        if self._url is None:
            return [doubtful("there is no REDIS_URL: no draft is cached, and replicas pace their calls alone")]
        client = redis_client(
            self._url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, decode_responses=True
        )
        try:
            await client.ping()
            return _judged(await client.info("server"), encrypted=urlsplit(self._url).scheme == "rediss")
        except AuthenticationError:
            return [broken("it refuses the password", "mend user and password in REDIS_URL")]
        except NoPermissionError:
            return [doubtful("it answers; this user may not ask for its version", "allow it INFO")]
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            return [broken(f"not reachable: {type(error).__name__}", "is it up, and is REDIS_URL right?")]
        finally:
            await client.aclose()


def _judged(server: dict[str, object], *, encrypted: bool) -> Sequence[Finding]:
    version = str(server.get("redis_version", ""))
    said = f"{version} answers, {'with' if encrypted else 'without'} TLS"
    try:
        numbers = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return [doubtful(f"it says that its version is {version!r}")]
    if numbers < LEAST_VERSION:
        return [broken(f"Redis {version} is too old", "upgrade to 6.2 or newer")]
    return [sound(said)]
