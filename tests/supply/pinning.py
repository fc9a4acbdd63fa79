"""Asks the registries which digests the images' tags have now: `make pin-images`. Needs the network.

It shows what it would write. With ``--write`` it writes; when a registry could not be asked, nothing is written.

usage: python -m tests.supply.pinning [--write] [--registry=URL] (a mirror that is asked for every image)
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage

from tests.supply import images

_HUB = "https://registry-1.docker.io"
_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""The list of all platforms first: its digest is the one that holds on every machine."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_SECONDS = 20.0
_ADVICE = """\
Nothing was written: {count} of {all} images could not be asked for.
What helps: a connection to their registries (HTTPS_PROXY), or a mirror: python -m tests.supply.pinning --registry=URL
"""


class RegistryUnreachableError(Exception):
    """The registry gave no digest."""


def digest_of(tagged: str, registry: str | None = None) -> str:
    """The digest of an image's tag now. Raises when the registry does not say."""
    base, name, tag = _address(tagged)
    url = f"{registry or base}/v2/{name}/manifests/{tag}"
    try:
        try:
            headers = _head(url, {})
        except urllib.error.HTTPError as refusal:
            if refusal.code != 401:
                raise
            headers = _head(url, {"Authorization": f"Bearer {_token(refusal.headers.get('WWW-Authenticate', ''))}"})
    except (OSError, ValueError, HTTPException) as error:
        raise RegistryUnreachableError(f"{type(error).__name__}: {error}") from error
    digest = headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(digest):
        raise RegistryUnreachableError("the answer names no digest")
    return digest


def _address(tagged: str) -> tuple[str, str, str]:
    path, _, tag = tagged.rpartition(":")
    host, slash, rest = path.partition("/")
    if slash and ("." in host or ":" in host):
        return f"https://{host}", rest, tag
    return _HUB, path if slash else f"library/{path}", tag


def _head(url: str, headers: dict[str, str]) -> HTTPMessage:
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": ", ".join(_KINDS), **headers})
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        message: HTTPMessage = answer.headers
        return message


def _token(challenge: str) -> str:
    """A token for anybody, from where the registry says that there is one."""
    parameters = dict(_PARAMETER.findall(challenge))
    realm = parameters.pop("realm")
    with urllib.request.urlopen(f"{realm}?{urllib.parse.urlencode(parameters)}", timeout=_SECONDS) as answer:
        body = json.load(answer)
    return str(body.get("token") or body["access_token"])


def main(arguments: list[str]) -> int:
    registry = next((word.partition("=")[2] for word in arguments if word.startswith("--registry=")), None)
    current = {image.tagged: image.digest for image in images.named()}
    digests: dict[str, str] = {}
    for tagged, before in sorted(current.items()):
        try:
            digests[tagged] = digest_of(tagged, registry)
        except RegistryUnreachableError as error:
            sys.stdout.write(f"{tagged}: not known ({error})\n")
            continue
        state = "as it stands" if digests[tagged] == before else f"in place of {before or 'no digest'}"
        sys.stdout.write(f"{tagged}@{digests[tagged]} {state}\n")
    if len(digests) < len(current):
        sys.stderr.write(_ADVICE.format(count=len(current) - len(digests), all=len(current)))
        return 1
    if "--write" not in arguments:
        sys.stdout.write("Nothing was written: make pin-images WRITE=1\n")
        return 0
    sys.stdout.write(f"written: {', '.join(images.write(digests)) or 'nothing'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
