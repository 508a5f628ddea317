"""Hook of Systems Manager: Automation and Run Command."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config

from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.drs import READ_CONFIG
from drs_recovery.transient_errors import error_code

# A filter of DescribeAutomationExecutions takes ten values, one of DescribeInstanceInformation fifty.
_IDS_IN_A_FILTER = 10
_INSTANCES_IN_A_FILTER = 50

# SendCommand has no client token: a repeat that botocore makes by itself would run the command twice.
_SEND_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=15)


class SsmHook(AccountHook):
    """
    Start documents of Systems Manager in one account and Region, and follow them.

    .. seealso:: https://docs.aws.amazon.com/systems-manager/latest/APIReference/Welcome.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": READ_CONFIG, **kwargs, "client_type": "ssm"})
        self._sender: Any = None

    def has_document(self, document: str, version: str | None = None) -> bool:
        """
        Whether there is a document that may be used.

        :param document: name or ARN.
        """
        of_version = {"DocumentVersion": version} if version else {}
        try:
            self.conn.describe_document(Name=document, **of_version)
        except self.conn.exceptions.ClientError as error:
            if error_code(error) in ("InvalidDocument", "InvalidDocumentVersion"):
                return False
            raise
        return True

    def start_automation(
        self, document: str, version: str | None, parameters: Mapping[str, Sequence[str]], token: str
    ) -> str:
        """
        Start an execution, or get the one that the same token started before.

        :param token: a UUID.
        :return: id of the execution.
        """
        optional: dict[str, Any] = {"DocumentVersion": version} if version else {}
        if parameters:
            optional["Parameters"] = {name: list(values) for name, values in parameters.items()}
        answer = self.conn.start_automation_execution(DocumentName=document, ClientToken=token, **optional)
        return str(answer["AutomationExecutionId"])

    def automations(self, execution_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """``AutomationExecutionMetadata`` by id; an execution that AWS does not list is left out."""
        operation, rows = "describe_automation_executions", "AutomationExecutionMetadataList"
        return {
            row["AutomationExecutionId"]: row
            for chunk in _chunks(execution_ids, _IDS_IN_A_FILTER)
            for row in self.pages(operation, rows, Filters=[{"Key": "ExecutionId", "Values": chunk}])
        }

    def stop_automation(self, execution_id: str) -> bool:
        """Cancel an execution; False if it had ended."""
        try:
            self.conn.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "InvalidAutomationStatusUpdateException":
                return False
            raise
        return True

    def send_command(
        self,
        document: str,
        parameters: Mapping[str, Sequence[str]],
        instance_ids: Sequence[str],
        comment: str,
    ) -> str | None:
        """
        Run a document on instances, at most 50: SendCommand takes no more. It is asked for once.

        :param comment: by which the command is found again.
        :return: id of the command; None if Systems Manager does not manage one of the instances.
        """
        optional = {"Parameters": {name: list(one) for name, one in parameters.items()}} if parameters else {}
        try:
            answer = self._sending.send_command(
                DocumentName=document, InstanceIds=list(instance_ids), Comment=comment, **optional
            )
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "InvalidInstanceId":
                return None
            raise
        return str(answer["Command"]["CommandId"])

    def commands_since(self, since: float, document: str) -> dict[str, str]:
        """
        Ids of commands by their comments.

        :param since: seconds since 1970.
        :param document: that they ran, by its name.
        """
        after = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        filters = [{"key": "InvokedAfter", "value": after}, {"key": "DocumentName", "value": document}]
        return {row["Comment"]: row["CommandId"] for row in self._commands(filters) if row.get("Comment")}

    def executing_commands(self) -> set[str]:
        """Ids of the commands that have not ended everywhere."""
        return {row["CommandId"] for row in self._commands([{"key": "ExecutionStage", "value": "Executing"}])}

    def invocations(self, command_id: str) -> dict[str, Mapping[str, Any]]:
        """``CommandInvocation`` of a command by instance id, with what it wrote."""
        operation, rows = "list_command_invocations", "CommandInvocations"
        found = self.pages(operation, rows, CommandId=command_id, Details=True)
        return {row["InstanceId"]: row for row in found}

    def result(self, command_id: str, instance_id: str) -> Mapping[str, Any] | None:
        """What came of a command on an instance, with all it wrote; None if it is not listed yet."""
        try:
            answer: Mapping[str, Any] = self.conn.get_command_invocation(
                CommandId=command_id, InstanceId=instance_id
            )
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "InvocationDoesNotExist":
                return None
            raise
        return answer

    def cancel_command(self, command_id: str) -> None:
        """Cancel a command where it has not ended."""
        self.conn.cancel_command(CommandId=command_id)

    def managed(self, instance_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """``InstanceInformation`` by id of those instances that Systems Manager manages."""
        operation, rows = "describe_instance_information", "InstanceInformationList"
        return {
            row["InstanceId"]: row
            for chunk in _chunks(instance_ids, _INSTANCES_IN_A_FILTER)
            for row in self.pages(operation, rows, Filters=[{"Key": "InstanceIds", "Values": chunk}])
        }

    @property
    def _sending(self) -> Any:
        if self._sender is None:
            self._sender = self.get_client_type(
                region_name=self.region_name, config=self.config_for(_SEND_ONCE)
            )
        return self._sender

    def _commands(self, filters: list[dict[str, str]]) -> Iterator[Mapping[str, Any]]:
        return self.pages("list_commands", "Commands", Filters=filters)


def _chunks(ids: Collection[str], size: int) -> Iterator[list[str]]:
    listed = sorted(ids)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]
