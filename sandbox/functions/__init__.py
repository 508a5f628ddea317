"""What moto lacks of Lambda without Docker: functions that take their time, fail, and are durable."""

from sandbox.functions.definitions import add_function
from sandbox.functions.invocations import function_backends
from sandbox.functions.responses import WAIT_HEADER, use_functions

__all__ = ["WAIT_HEADER", "add_function", "function_backends", "use_functions"]
