"""The model of a request's life (contract, parts 3, 4 and 7): one session, its requests, and the database's clock."""

from dataclasses import dataclass, field

HALF_SECONDS = 60.0
"""Half of the deadline that a request has by default."""
LEASE_SECONDS = 20.0


@dataclass(slots=True)
class ModelRequest:
    """What is known of one request. A request that nobody has heard of is `unknown`."""

    state: str = "unknown"
    first: str | None = None
    """The kind of its first outcome."""
    asked: int | None = None
    half_at: float = 0.0
    lease: int = 0
    """The newest lease; older ones end nothing. 0 while nobody holds it."""
    held_until: float = -1.0


@dataclass(slots=True)
class LifeModel:
    """Every method says what has to follow from what happens; `now` is by the database's clock."""

    now: float = 0.0
    events: dict[int, str] = field(default_factory=dict)
    erased: bool = False
    requests: dict[str, ModelRequest] = field(default_factory=dict)

    def arrives(self, version: int, event_id: str) -> str:
        """A change of the session: whether it is stored, repeated, refused or dropped."""
        if self.erased:
            return "dropped"
        first = self.events.setdefault(version, "")
        self.events[version] = first or event_id
        return "stored" if not first else "repeated" if first == event_id else "refused"

    def asks(self, name: str, asked: int | None) -> None:
        request = self.requests.setdefault(name, ModelRequest())
        if request.state == "foreseen":
            request.state, request.first = "cancelled", "package_withdrawn"
        elif request.state == "unknown" and self.erased:
            request.state, request.first = "failed", "package_failed"
        elif request.state == "unknown":
            request.state, request.asked, request.half_at = "open", asked, self.now + HALF_SECONDS

    def cancels(self, name: str) -> None:
        request = self.requests.setdefault(name, ModelRequest())
        if request.state in ("open", "done"):
            request.first = request.first or "package_withdrawn"
            request.state, request.lease = "cancelled", 0
        elif request.state == "unknown" and not self.erased:
            request.state = "foreseen"

    def erases(self) -> None:
        self.erased = True
        self.events.clear()
        for request in self.requests.values():
            if request.state == "open":
                request.state, request.first = "failed", "package_failed"
            request.state = {"done": "cancelled", "foreseen": "unknown"}.get(request.state, request.state)
            request.lease = 0

    def free(self, request: ModelRequest) -> bool:
        return not request.lease or self.now > request.held_until

    def ripe(self, request: ModelRequest) -> bool:
        """Whether its first outcome has to come now."""
        arrived = bool(self.events) and max(self.events) >= (request.asked or 0)
        return request.state == "open" and (arrived or self.now >= request.half_at)

    def worked(self, request: ModelRequest) -> None:
        """Whoever has the newest lease brings the work to its end."""
        if request.state == "open":
            request.state = "done" if self.events else "failed"
            request.first = "package_ready" if self.events else "package_failed"
        request.lease = 0
