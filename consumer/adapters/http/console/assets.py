"""The console's own style sheet, script and icon. Their addresses carry their digest, so that browsers keep them."""

from hashlib import sha256
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Assets:
    """Reads the files once, when it is made."""

    def __init__(self) -> None:
        self._bodies = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
        self._digests = {name: sha256(body).hexdigest()[:12] for name, body in self._bodies.items()}

    def url(self, name: str) -> str:
        """Raises KeyError for a file that is not there."""
        return f"/static/{self._digests[name]}/{name}"

    def add_to(self, application: web.Application) -> None:
        application.router.add_get("/static/{digest}/{name}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        """Another release's digest gets this release's file, which is not kept: replicas differ while they change."""
        name = request.match_info["name"]
        if name not in self._bodies:
            raise web.HTTPNotFound
        same = request.match_info["digest"] == self._digests[name]
        return web.Response(
            body=self._bodies[name],
            content_type=_TYPES[Path(name).suffix],
            charset="utf-8",
            headers={"Cache-Control": FOREVER if same else "no-store"},
        )
