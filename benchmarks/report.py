"""What a benchmark reports: JSON for programs, a Markdown table and a plot for people."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plots import Plot, figure_text

RESULTS = Path(__file__).resolve().parent / "results"
DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True)
class Report:
    """
    The outcome of one benchmark.

    :param name: file stem of the JSON result and of the picture.
    :param rows: column to figure or name for each case; all have the same columns, units in their names.
    :param plot: the figures that matter as a picture, if they gain by it.
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, float | str]]
    plot: Plot | None = None

    def markdown(self) -> str:
        """Return the rows as a Markdown table under the title."""
        columns = list(self.rows[0])
        lines = [_line(columns), _line(["---:"] * len(columns))]
        lines += [_line([_cell(row[column]) for column in columns]) for row in self.rows]
        return "\n".join([f"### {self.title}", "", *lines])

    def write(self, directory: Path = RESULTS) -> Path:
        """Write the rows and the machine they were measured on as JSON."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.json"
        document = {"title": self.title, "machine": _machine(), "rows": [dict(row) for row in self.rows]}
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return path

    def publish(self, docs: Path = DOCS) -> None:
        """
        Put table and picture into ``performance.md``, between the two comments that name this report.

        :param docs: the folder of the page; the picture goes to ``images`` in it.
        :raises ValueError: the page has no place for it.
        """
        page = docs / "performance.md"
        begin, end = (f"<!-- {edge}: {self.name} -->" for edge in ("begin", "end"))
        place = re.compile(f"{begin}.*{end}", re.DOTALL)
        text = page.read_text(encoding="utf-8")
        if not place.search(text):
            raise ValueError(f"{page} has no place for {self.name}: add the lines {begin} and {end}")
        parts = [
            begin,
            self.markdown(),
            *self._picture(docs / "images"),
            f"Measured on {_machine_text()}.",
            end,
        ]
        page.write_text(place.sub(lambda _: "\n\n".join(parts), text), encoding="utf-8")

    def _picture(self, images: Path) -> list[str]:
        if self.plot is None:
            return []
        file = images / f"performance-{self.name.replace('_', '-')}.svg"
        file.write_text(self.plot.svg(file.stem), encoding="utf-8")
        return [f"![{self.title}](images/{file.name})"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: float | str) -> str:
    return figure_text(value) if isinstance(value, float) else str(value)


def _machine() -> dict[str, str | float | None]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        # Whatever else went on: a figure above the number of cores means that things waited for each other.
        "load": round(os.getloadavg()[0], 1),
    }


def _machine_text() -> str:
    machine = _machine()
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['system']}, Python {machine['python']},"
        f" load average at the end {machine['load']}"
    )


def _processor() -> str:
    """Name of the processor; Linux tells it in a file."""
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    named = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return named[1] if named else platform.machine()
