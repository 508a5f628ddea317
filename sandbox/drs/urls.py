"""Takes DRS requests apart, checks and answers them; moto looks here because of the name ``urls``."""

from __future__ import annotations

import json
from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.core.request import Request
from moto.core.responses import BaseResponse

from sandbox.drs.api import (
    Document,
    Reading,
    UninitializedAccountError,
    UnknownOperationError,
    ValidationError,
)
from sandbox.drs.models import DrsBackend, drs_backends
from sandbox.validation import operation_model, problems_of
from sandbox.world import WORLD


class DrsResponse(BaseResponse):
    """Handlers, one an operation, named as moto wants them."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    @property
    def backend(self) -> DrsBackend:
        """State of the caller's account and Region."""
        return drs_backends[self.current_account][self.region]

    def _dispatch(self, request: Request, full_url: str | None = None, headers: Any = None) -> TYPE_RESPONSE:
        with WORLD.lock:
            return super()._dispatch(request, full_url, headers)

    def call_action(self) -> TYPE_RESPONSE:
        """Answer an unknown path as AWS does, instead of raising as moto does."""
        try:
            return super().call_action()
        except NotImplementedError:
            error = UnknownOperationError(self._get_action())
            return error.code, dict(error.get_headers()), error.get_body()

    def describe_source_servers(self) -> TYPE_RESPONSE:
        """Answer DescribeSourceServers."""
        return self._answer(self.backend.describe_source_servers(*self._asked("DescribeSourceServers")))

    def start_recovery(self) -> TYPE_RESPONSE:
        """Answer StartRecovery."""
        return self._answer(self.backend.start_recovery(*self._asked("StartRecovery")), 202)

    def describe_jobs(self) -> TYPE_RESPONSE:
        """Answer DescribeJobs."""
        return self._answer(self.backend.describe_jobs(*self._asked("DescribeJobs")))

    def describe_job_log_items(self) -> TYPE_RESPONSE:
        """Answer DescribeJobLogItems."""
        return self._answer(self.backend.describe_job_log_items(*self._asked("DescribeJobLogItems")))

    def describe_recovery_instances(self) -> TYPE_RESPONSE:
        """Answer DescribeRecoveryInstances."""
        return self._answer(
            self.backend.describe_recovery_instances(*self._asked("DescribeRecoveryInstances"))
        )

    def terminate_recovery_instances(self) -> TYPE_RESPONSE:
        """Answer TerminateRecoveryInstances."""
        return self._answer(
            self.backend.terminate_recovery_instances(*self._asked("TerminateRecoveryInstances"))
        )

    def describe_recovery_snapshots(self) -> TYPE_RESPONSE:
        """Answer DescribeRecoverySnapshots."""
        return self._answer(
            self.backend.describe_recovery_snapshots(*self._asked("DescribeRecoverySnapshots"))
        )

    def list_recovery_plan_executions(self) -> TYPE_RESPONSE:
        """Answer ListRecoveryPlanExecutions."""
        return self._answer(
            self.backend.list_recovery_plan_executions(*self._asked("ListRecoveryPlanExecutions"))
        )

    def list_recovery_plan_execution_steps(self) -> TYPE_RESPONSE:
        """Answer ListRecoveryPlanExecutionSteps."""
        return self._answer(
            self.backend.list_recovery_plan_execution_steps(*self._asked("ListRecoveryPlanExecutionSteps"))
        )

    def get_replication_configuration(self) -> TYPE_RESPONSE:
        """Answer GetReplicationConfiguration."""
        return self._answer(
            self.backend.get_replication_configuration(*self._asked("GetReplicationConfiguration"))
        )

    def get_launch_configuration(self) -> TYPE_RESPONSE:
        """Answer GetLaunchConfiguration."""
        return self._answer(self.backend.get_launch_configuration(*self._asked("GetLaunchConfiguration")))

    def update_launch_configuration(self) -> TYPE_RESPONSE:
        """Answer UpdateLaunchConfiguration."""
        return self._answer(
            self.backend.update_launch_configuration(*self._asked("UpdateLaunchConfiguration"))
        )

    def tag_resource(self) -> TYPE_RESPONSE:
        """Answer TagResource."""
        return self._answer(self.backend.tag_resource(*self._asked("TagResource")))

    def untag_resource(self) -> TYPE_RESPONSE:
        """Answer UntagResource."""
        return self._answer(self.backend.untag_resource(*self._asked("UntagResource")))

    def list_tags_for_resource(self) -> TYPE_RESPONSE:
        """Answer ListTagsForResource."""
        return self._answer(self.backend.list_tags_for_resource(*self._asked("ListTagsForResource")))

    def initialize_service(self) -> TYPE_RESPONSE:
        """Answer InitializeService."""
        self._asked("InitializeService")
        self.backend.initialize()
        return self._answer(None, 204)

    def _asked(self, operation: str) -> tuple[Document, Reading]:
        request = self._request(operation)
        if problems := problems_of("drs", operation, request):
            raise ValidationError(problems)
        reading = Reading(WORLD, self.region)
        errors = {shape.name for shape in operation_model("drs", operation).error_shapes}
        closed = not self.backend.initialized or reading.fault("uninitialized") is not None
        if closed and "UninitializedAccountException" in errors:
            raise UninitializedAccountError
        self.backend.settle(reading.elapsed)
        return request, reading

    def _request(self, operation: str) -> Document:
        try:
            body = dict(json.loads(self.body or "{}"))
        except (ValueError, TypeError) as error:
            raise ValidationError([("", f"the body is no JSON object: {error}")], "cannotParse") from error
        members = operation_model("drs", operation).input_shape.members
        for name, shape in members.items():
            if shape.serialization.get("location") == "querystring":
                body[name] = self.normalized_request.args.getlist(shape.serialization["name"])
        return {**self.uri_match, **body}

    def _answer(self, document: Document | None, status: int = 200) -> TYPE_RESPONSE:
        # moto takes the status from this header only.
        headers = {"Content-Type": "application/json", "status": str(status)}
        return status, headers, "" if document is None else json.dumps(document)


url_bases = [r"https?://drs\.(.+)\.amazonaws\.com"]

url_paths = {
    "{0}/(?P<operation>[^/]+)$": DrsResponse.dispatch,
    "{0}/tags/(?P<resourceArn>.+)$": DrsResponse.dispatch,
}
