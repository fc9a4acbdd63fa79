"""The types of settings: how a text of the environment is read, and why it is refused. A refusal never quotes it."""

import os
import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from consumer import environment

SHORTEST_KEY = 16


def _stripped(value: object) -> object:
    """Without the blanks and line ends that a file of secrets adds."""
    return value.strip() if isinstance(value, str) else value


def _stripped_or_unset(value: object) -> object:
    return value.strip() or None if isinstance(value, str) else value


def _of_postgresql_or_none(url: SecretStr | None) -> SecretStr | None:
    return None if url is None else _of_postgresql(url)


def _of_postgresql(url: SecretStr) -> SecretStr:
    parts = environment.split_url(url.get_secret_value(), "postgresql", "postgres")
    for name, part in sorted(environment.completing(parts, os.environ).items()):
        raise ValueError(f"{name} would complete it behind its back; write the {part} into it, and unset {name}")
    return url


def _of_redis(url: SecretStr | None) -> SecretStr | None:
    if url is not None:
        environment.split_url(url.get_secret_value(), "redis", "rediss", "unix")
    return url


def _of_http(url: str) -> str:
    if not environment.split_url(url, "https", "http").hostname:
        raise ValueError("names no host")
    return url


def _of_a_proxy(proxy: SecretStr | None) -> SecretStr | None:
    if proxy is None:
        return None
    url = proxy.get_secret_value()
    url = url if "://" in url else f"http://{url}"
    if not environment.split_url(url, "http", "https", "socks5", "socks5h").hostname:
        raise ValueError("names no host")
    return SecretStr(url)


def _of_headers(text: SecretStr | None) -> SecretStr | None:
    if text is not None:
        environment.custom_headers(text.get_secret_value())
    return text


def _of_folders(path: str | None) -> str | None:
    if path is not None and not any(Path(folder).is_dir() for folder in path.split(os.pathsep)):
        raise ValueError(f"{path} is no folder")
    return path


def _of_certificates(path: str | None) -> str | None:
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            raise ValueError(f"{path} cannot be read as certificates: {error.strerror}") from None
    return path


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"is too short: it needs {SHORTEST_KEY} characters or more")
    return key


def _all_long_enough(keys: SecretStr | None) -> SecretStr | None:
    for line in () if keys is None else keys.get_secret_value().splitlines():
        if line.strip():
            _long_enough(SecretStr(line))
    return keys


def _or_none(name: str | None) -> str | None:
    return None if name == "none" else name


PostgresUrl = Annotated[SecretStr, BeforeValidator(_stripped), AfterValidator(_of_postgresql)]
OptionalPostgresUrl = Annotated[
    SecretStr | None, BeforeValidator(_stripped_or_unset), AfterValidator(_of_postgresql_or_none)
]
RedisUrl = Annotated[SecretStr | None, BeforeValidator(_stripped), AfterValidator(_of_redis)]
HttpAddress = Annotated[str, BeforeValidator(_stripped), AfterValidator(_of_http)]
Blankable = BeforeValidator(_stripped_or_unset)
"""A blank text is none."""
Key = Annotated[SecretStr | None, Blankable]
LongKey = Annotated[SecretStr | None, Blankable, AfterValidator(_long_enough)]
Keys = Annotated[SecretStr | None, Blankable, AfterValidator(_all_long_enough)]
"""Keys, one a line."""
HeaderLines = Annotated[SecretStr | None, Blankable, AfterValidator(_of_headers)]
ProxyUrl = Annotated[SecretStr | None, Blankable, AfterValidator(_of_a_proxy)]
CertificateFile = Annotated[str | None, Blankable, AfterValidator(_of_certificates)]
CertificateFolders = Annotated[str | None, Blankable, AfterValidator(_of_folders)]
OptionalText = Annotated[str | None, Blankable]
OptionalModel = Annotated[str | None, AfterValidator(_or_none)]
"""A model's id, or `none`."""
