"""The table: a row for each figure, a column for each server, and the ratio."""

import os
import platform
import statistics
import subprocess
import time

KINDS = ("apus", "postfix")
TITLES = {"apus": "Apus", "postfix": "Debian's Postfix", "least": "the least relay"}


class Report:
    def __init__(self):
        self.rows = {}

    def add(self, kind, label, value, better):
        """One measurement; `better` is `more` or `less`."""
        values, _ = self.rows.setdefault(label, ({}, better))
        values.setdefault(kind, []).append(value)
        print(f"# {kind}: {label}: {value:.4g}", flush=True)

    def markdown(self):
        # The least relay has columns only where it was asked for.
        bounded = any("least" in values for values, _ in self.rows.values())
        columns = ["apus", "postfix", "ratio"] + ["least", "its ratio"] * bounded
        lines = [self._line("workload", *(TITLES.get(column, column) for column in columns)),
                 self._line(*["---"] * (len(columns) + 1))]
        for label, (values, better) in self.rows.items():
            cells = [self._cell(values.get("apus")), self._cell(values.get("postfix")), self._ratio(values, "apus", better)]
            if bounded:
                cells += [self._cell(values.get("least")), self._ratio(values, "least", better)]
            lines.append(self._line(label, *cells))
        return "\n".join(lines)

    @staticmethod
    def _line(*cells):
        return f"| {' | '.join(cells)} |"

    @staticmethod
    def _ratio(values, kind, better):
        if kind not in values or "postfix" not in values:
            return "–"
        measured, theirs = (statistics.median(values[name]) for name in (kind, "postfix"))
        return f"{measured / theirs:.2f}× ({better} is better)" if theirs else "–"

    @staticmethod
    def _cell(values):
        if not values:
            return "–"
        text = f"{statistics.median(values):.4g}"
        return text + (f" ({min(values):.4g} to {max(values):.4g})" if len(values) > 1 else "")


def heading(arguments):
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "postfix"], capture_output=True, text=True).stdout
    return (f"\n## {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores, Linux {platform.release()}, postfix {version}\n\n"
            f"`Benchmarks/run {arguments}`; median (minimum to maximum).\n\n")
