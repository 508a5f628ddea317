"""Which wave, and which step, of which execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class WaveRef(NamedTuple):
    """
    Which wave of which execution; as text, the way log lines name it.

    :ivar number: from 1.
    """

    execution_id: str
    number: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> WaveRef:
        """The wave that a WAVE record, or one of a server or step, belongs to."""
        return cls(record["executionId"], record["waveNumber"])

    def __str__(self) -> str:
        return f"execution {self.execution_id} wave {self.number}"


class StepRef(NamedTuple):
    """
    Which step of which execution.

    :ivar wave: its number, from 1.
    :ivar side: ``before`` or ``after`` the launch.
    :ivar number: from 1.
    """

    execution_id: str
    wave: int
    side: str
    number: int

    @property
    def of_wave(self) -> WaveRef:
        """The wave that the step is part of."""
        return WaveRef(self.execution_id, self.wave)
