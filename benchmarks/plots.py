"""Plots of results, as small SVG pictures that show in any Markdown reader."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pygal
from pygal.style import CleanStyle

# A finder for plugins that are not used here, of a kind of which Python warns at every later import.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

_STYLE = CleanStyle(
    background="white",
    plot_background="white",
    colors=("#0b5cad", "#d9730d", "#3f8f3f", "#8a4fbf", "#b3261e", "#5f6b76"),
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    title_font_size=16,
    value_font_size=12,
    value_label_font_size=12,
    guide_stroke_color="#d5dade",
    major_guide_stroke_color="#d5dade",
    guide_stroke_dasharray="none",
    major_guide_stroke_dasharray="none",
    opacity=".9",
)
_WIDTH, _HEIGHT = 800, 380
_NAMES_BELOW = 4

# What pygal always writes: comments, which tell the day, and a script, which a picture must not have.
_UNWANTED = re.compile("<!--.*?-->|<script.*?</script>", re.DOTALL)


def figure_text(figure: float) -> str:
    """Three digits of a figure: a second run would not give more of them again."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


@dataclass(frozen=True)
class Plot:
    """Bars side by side, for each label one of each series."""

    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]
    unit: str
    is_stacked: bool = False
    is_logarithmic: bool = False

    def svg(self, name: str) -> str:
        """Draw it; the same figures give the same text."""
        kind = pygal.StackedBar if self.is_stacked else pygal.Bar
        chart = kind(
            style=_STYLE,
            width=_WIDTH,
            height=_HEIGHT,
            explicit_size=True,
            logarithmic=self.is_logarithmic,
            # Many names need more room than there is below.
            legend_at_bottom=len(self.series) <= _NAMES_BELOW,
            truncate_legend=-1,
            truncate_label=-1,
            y_title=self.unit,
            print_values=not self.is_stacked,
            print_values_position="top",
            value_formatter=figure_text,
            js=[],
            disable_xml_declaration=True,
        )
        chart.uuid = name
        if self.is_logarithmic:
            chart.y_labels = self._powers_of_ten()
            chart.range = (chart.y_labels[0], chart.y_labels[-1])
            chart.zero = chart.y_labels[0]
        chart.x_labels = list(self.labels)
        for title, figures in self.series.items():
            # A logarithm has no place for 0.
            chart.add(title, [figure or None for figure in figures] if self.is_logarithmic else list(figures))
        return _UNWANTED.sub("", str(chart.render(is_unicode=True))) + "\n"

    def _powers_of_ten(self) -> list[float]:
        """From one below the least figure to one above the greatest."""
        figures = [figure for row in self.series.values() for figure in row if figure]
        lowest, highest = (math.log10(edge(figures)) for edge in (min, max))
        return [10.0**power for power in range(math.ceil(lowest) - 1, math.floor(highest) + 2)]
