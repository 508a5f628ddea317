"""Notifiers that tests name in plans and in the configuration."""

from __future__ import annotations

import threading
from typing import Any

from airflow.sdk import BaseNotifier

HEARD: list[dict[str, Any]] = []
SILENCE_IS_OVER = threading.Event()


class Listener(BaseNotifier):
    """Keeps what it is called with, its templates rendered."""

    template_fields = ("text",)

    def __init__(self, *, text: str = "", number: int = 0) -> None:
        super().__init__()
        self.text, self.number = text, number

    def notify(self, context: Any) -> None:
        event = context["notice"].event
        HEARD.append({"event": event, "text": self.text, "number": self.number})


class Broken(BaseNotifier):
    """Fails, and tells a password while it does so."""

    def notify(self, context: Any) -> None:
        raise RuntimeError("https://hooks.example.com/hunter2hunter2 answered 500")


class Silent(BaseNotifier):
    """Hangs until the test is over."""

    def notify(self, context: Any) -> None:
        SILENCE_IS_OVER.wait()


class NoNotifier:
    """Anything else that could be named by mistake."""

    def __init__(self) -> None:
        HEARD.append({"event": "created", "text": "", "number": 0})
