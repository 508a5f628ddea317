"""Hook of Lambda: functions that are run once, and followed if they are durable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, IncompleteReadError, ReadTimeoutError

from drs_recovery.hooks.base import LONGEST_TIMEOUT, AccountHook
from drs_recovery.hooks.drs import READ_CONFIG
from drs_recovery.transient_errors import error_code

# Of an invocation, which no repeat of botocore may double.
_CONNECT_SECONDS = 5.0
# The answer of a function that used its time-out up comes later than that.
_ANSWER_SECONDS = 30.0


class FunctionFacts(NamedTuple):
    """
    What is known of a function before it is run.

    :ivar timeout: seconds.
    """

    timeout: float
    is_durable: bool


class Invoked(NamedTuple):
    """
    What came of an invocation.

    :ivar error: ``Unhandled`` or ``Handled`` if the function failed, although the call did not.
    """

    payload: str
    error: str | None


class FunctionsHook(AccountHook):
    """
    Run functions in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": READ_CONFIG, **kwargs, "client_type": "lambda"})

    def facts(self, function: str, qualifier: str | None) -> FunctionFacts | None:
        """
        What is known of a function; None if there is none.

        :param function: name or ARN.
        """
        asked = {"FunctionName": function, **_qualified(qualifier)}
        try:
            answer = self.conn.get_function_configuration(**asked)
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return FunctionFacts(float(answer.get("Timeout", 3)), bool(answer.get("DurableConfig")))

    def run(self, function: str, qualifier: str | None, payload: bytes, timeout: float) -> Invoked | None:
        """
        Run a function, and wait for its answer. It is asked for once.

        :param timeout: of the function, in seconds.
        :return: None if no answer came: whether the function ran, or runs still, is not known.
        """
        read_timeout = min(timeout + _ANSWER_SECONDS, LONGEST_TIMEOUT)
        once = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=read_timeout,
            tcp_keepalive=True,
        )
        client = self.get_client_type(region_name=self.region_name, config=self.config_for(once))
        try:
            answer = client.invoke(FunctionName=function, Payload=payload, **_qualified(qualifier))
            told = answer["Payload"].read().decode(errors="replace")
        except (ReadTimeoutError, ConnectionClosedError, IncompleteReadError):
            return None
        finally:
            client.close()
        return Invoked(told, answer.get("FunctionError"))

    def start_durable(self, function: str, qualifier: str, payload: bytes, name: str) -> str:
        """
        Start a durable function, or get the execution that the same name started before.

        :return: ARN of the execution.
        """
        answer = self.conn.invoke(
            FunctionName=function,
            Qualifier=qualifier,
            InvocationType="Event",
            DurableExecutionName=name,
            Payload=payload,
        )
        # It is empty, and unread it would keep its connection.
        answer["Payload"].close()
        return str(answer["DurableExecutionArn"])

    def durable(self, execution_arn: str) -> Mapping[str, Any]:
        """State of a durable execution, as GetDurableExecution tells it."""
        answer: Mapping[str, Any] = self.conn.get_durable_execution(DurableExecutionArn=execution_arn)
        return answer

    def stop_durable(self, execution_arn: str) -> None:
        """Stop a durable execution; it cannot be resumed."""
        self.conn.stop_durable_execution(DurableExecutionArn=execution_arn)


def _qualified(qualifier: str | None) -> dict[str, str]:
    return {"Qualifier": qualifier} if qualifier else {}
