"""What the model was paid for each tenant, by its own account and not by the service's."""

import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime

from consumer.domain.cost.prices import price_of
from schemas.packages import Usage
from tests.soak.tenants import Tenant
from tests.support.model_server import Behaviour, Received, Reply


class Bills:
    """Wraps behaviours. The server calls them in its own thread."""

    def __init__(self, tenants: list[Tenant]) -> None:
        self._tenants = tenants
        self._lock = threading.Lock()
        self.usd: dict[str, float] = defaultdict(float)
        self.lost_usd: dict[str, float] = defaultdict(float)
        """Of it, for answers that never arrived whole: the caller cannot know what they cost."""
        self.calls: Counter[str] = Counter()
        self.dearest_usd = 0.0

    def noting(self, behaviour: Behaviour) -> Behaviour:
        def behave(received: Received) -> Reply:
            reply = behaviour(received)
            self._note(received, reply)
            return reply

        return behave

    def _note(self, received: Received, reply: Reply) -> None:
        try:
            message = json.loads(reply.body)
            usage = Usage.model_validate(message["usage"])
        except (ValueError, KeyError, TypeError):
            return  # nothing that anybody could have paid for
        price = price_of(received.model, at=datetime.now(UTC))
        dollars = price.of(usage) if price is not None else 0.0
        with self._lock:
            for tenant in self._tenants:
                if tenant.tag.encode() in received.raw:
                    self.usd[tenant.tenant_id] += dollars
                    self.lost_usd[tenant.tenant_id] += dollars if reply.cut_after is not None else 0.0
                    self.calls[tenant.tenant_id] += 1
            self.dearest_usd = max(self.dearest_usd, dollars)
