"""What a benchmark reports, as JSON for programs and as a Markdown table for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Report:
    """
    The outcome of one benchmark.

    :param name: file stem of the JSON result.
    :param title: what was measured, for people.
    :param rows: column to figure or name for each case; all have the same columns, units in their names.
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, float | str]]

    def markdown(self) -> str:
        """Return the rows as a Markdown table under the title."""
        columns = list(self.rows[0])
        lines = [_line(columns), _line(["---:"] * len(columns))]
        lines += [_line([_figure(row[column]) for column in columns]) for row in self.rows]
        return "\n".join([f"### {self.title}", "", *lines])

    def write(self, directory: Path = RESULTS) -> Path:
        """
        Write the rows and the machine they were measured on as JSON.

        :param directory: created when missing.
        """
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.json"
        document = {"title": self.title, "machine": _machine(), "rows": [dict(row) for row in self.rows]}
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return path


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _machine() -> dict[str, str | int | None]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }
