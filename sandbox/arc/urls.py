"""Takes requests to the endpoints of a cluster apart; moto looks here because of the name ``urls``."""

from __future__ import annotations

import json
from collections.abc import Callable

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse

from sandbox.arc.models import ArcBackend, ArcError, Document, arc_backend
from sandbox.validation import problems_of
from sandbox.world import WORLD

SERVICE = "route53-recovery-cluster"


class ArcResponse(BaseResponse):
    """Handlers, one an operation, named as moto wants them."""

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)

    def get_routing_control_state(self) -> TYPE_RESPONSE:
        """Answer GetRoutingControlState."""
        return self._answered("GetRoutingControlState", ArcBackend.state)

    def update_routing_control_state(self) -> TYPE_RESPONSE:
        """Answer UpdateRoutingControlState."""
        return self._answered("UpdateRoutingControlState", ArcBackend.update)

    def update_routing_control_states(self) -> TYPE_RESPONSE:
        """Answer UpdateRoutingControlStates."""
        return self._answered("UpdateRoutingControlStates", ArcBackend.update_all)

    def list_routing_controls(self) -> TYPE_RESPONSE:
        """Answer ListRoutingControls."""
        return self._answered("ListRoutingControls", ArcBackend.listed)

    def _answered(self, operation: str, answer: Callable[[ArcBackend, Document], Document]) -> TYPE_RESPONSE:
        request = json.loads(self.body or "{}")
        if problems := problems_of(SERVICE, operation, request):
            fields = [{"name": member, "message": problem} for member, problem in problems]
            message = "; ".join(f"{member}: {problem}" for member, problem in problems)
            raise ArcError(400, "ValidationException", message, reason="fieldValidationFailed", fields=fields)
        with WORLD.lock:
            document = answer(arc_backend(self.current_account), request)
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(document)


url_bases = [r"https?://route53-recovery-cluster\.(.+)\.amazonaws\.com"]

# The endpoints of a cluster end with /v1.
url_paths = {"{0}/$": ArcResponse.dispatch, "{0}/v1/?$": ArcResponse.dispatch}
