"""The table: a row for each figure, a column for each server, and the ratio."""

import os
import platform
import statistics
import subprocess
import time

KINDS = ("apus", "postfix")


class Report:
    def __init__(self):
        self.rows = {}

    def add(self, kind, label, value, better):
        """One measurement; `better` is `more` or `less`."""
        values, _ = self.rows.setdefault(label, ({}, better))
        values.setdefault(kind, []).append(value)
        print(f"# {kind}: {label}: {value:.4g}", flush=True)

    def markdown(self):
        lines = ["| workload | Apus | Debian's Postfix | ratio |", "| --- | --- | --- | --- |"]
        for label, (values, better) in self.rows.items():
            cells = [self._cell(values.get(kind)) for kind in KINDS]
            ratio = "–"
            if all(kind in values for kind in KINDS):
                ours, theirs = (statistics.median(values[kind]) for kind in KINDS)
                ratio = f"{ours / theirs:.2f}× ({better} is better)" if theirs else "–"
            lines.append(f"| {label} | {cells[0]} | {cells[1]} | {ratio} |")
        return "\n".join(lines)

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
