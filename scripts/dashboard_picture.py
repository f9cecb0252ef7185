"""A picture of a run's dashboard: our own drawing of its panels from live queries, for pages where no Grafana is.

Every panel stands where the dashboard puts it and shows what its queries return from a Prometheus now, with the fault
window shaded. It is no screenshot of Grafana: colours, axes and legends are ours.

    python scripts/dashboard_picture.py RUN PROMETHEUS_URL OUT.png      (needs Chromium and Playwright)
"""

import html
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

from chaos.analysis.result import Result
from chaos.publish.grafana.queries import Query, queries_of

COLOURS = ("#3274d9", "#e0752d", "#a352cc", "#37872d", "#c4162a")
COLUMN, ROW, GAP = 52, 30, 8
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 30, 38
MAPPED = {"acting": "#ff9830", "within": "#73bf69", "out": "#e02f44", "up": "#73bf69", "down": "#e02f44"}
Points = list[tuple[float, float]]
Line = tuple[str, Points]


class Board:
    """One dashboard over the time of one run."""

    def __init__(self, folder: Path, prometheus: str) -> None:
        self.dashboard = json.loads((folder / "dashboard.json").read_text())
        result = Result.model_validate_json((folder / "result.json").read_bytes())
        self.run, self.prometheus = result.run_id, prometheus
        self.start, self.end = _unix(result.started_at), _unix(result.ended_at)
        self.step = max(0.25, (self.end - self.start) / 600)
        self.windows = [
            (_unix(step.injected_at), _unix(step.recovered_at))
            for step in result.steps
            if step.injected_at and step.recovered_at
        ]

    def page(self) -> str:
        """HTML, as wide as the grid."""
        panels = "".join(self.panel(panel) for panel in self.dashboard["panels"])
        height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in self.dashboard["panels"]) * (ROW + GAP)
        title = html.escape(f"{self.dashboard['title']} · {self.run}")
        return (
            "<!doctype html><meta charset=utf-8><style>"
            "body{margin:16px;background:#f4f5f5;font:13px system-ui} h1{font-size:17px;margin:0 0 10px}"
            ".p{position:absolute;background:#fff;border:1px solid #d9dadb;border-radius:3px}"
            f"#b{{position:relative;width:{24 * COLUMN}px;height:{height}px}}"
            f"</style><h1>{title}</h1><div id=b>{panels}</div>"
        )

    def panel(self, panel: Mapping[str, Any]) -> str:
        """One box with its drawing."""
        at = panel["gridPos"]
        place = Place(at["w"] * COLUMN - GAP, at["h"] * (ROW + GAP) - GAP, self.start, self.end)
        draw = {"stat": self.stat, "state-timeline": self.states}.get(panel["type"], self.lines)
        style = (
            f"left:{at['x'] * COLUMN}px;top:{at['y'] * (ROW + GAP)}px;"
            f"width:{place.width}px;height:{place.height}px"
        )
        inside = _text(10, 19, panel["title"], weight=600) + draw(panel, place)
        return f'<div class=p style="{style}"><svg width={place.width} height={place.height}>{inside}</svg></div>'

    def asked(self, panel: Mapping[str, Any]) -> list[Line]:
        """Every series that its queries return, with its legend."""
        found: list[Line] = []
        board = {"templating": self.dashboard["templating"], "panels": [panel]}
        queries = queries_of(board, {"run": self.run}, self.end - self.start)
        for query, target in zip(queries, panel["targets"], strict=True):
            found += [(_legend(target["legendFormat"], labels), values) for labels, values in self.ask(query)]
        return found

    def ask(self, query: Query) -> list[tuple[dict[str, str], Points]]:
        """Labels and points of each series."""
        asked: dict[str, Any] = {"query": query.expr, "time": self.end}
        if not query.instant:
            asked |= {"start": self.start, "end": self.end, "step": self.step}
        kind = "query" if query.instant else "query_range"
        answer = httpx.post(f"{self.prometheus}/api/v1/{kind}", data=asked, trust_env=False).json()
        return [
            (
                each["metric"],
                [(float(at), float(value)) for at, value in each.get("values") or [each["value"]]],
            )
            for each in answer["data"]["result"]
        ]

    def stat(self, panel: Mapping[str, Any], place: "Place") -> str:
        """One number, or the name of the one series."""
        name, values = self.asked(panel)[0]
        shown = name if panel["options"]["textMode"] == "name" else _unit(panel, values[-1][1])
        return _text(place.width / 2, place.height / 2 + 20, shown, size=30, anchor="middle")

    def states(self, panel: Mapping[str, Any], place: "Place") -> str:
        """A row a series, coloured by its words."""
        words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
        place.left = LEFT + 60
        found = self.asked(panel)
        tall = (place.height - TOP - BOTTOM + 10) / max(1, len(found))
        wide = place.x(self.start + self.step) - place.x(self.start) + 0.6
        drawn = [place.axis()]
        for row, (name, values) in enumerate(found):
            y = TOP + row * tall
            drawn.append(_text(8, y + tall / 2 + 4, name[:18], size=11))
            for at, value in values:
                colour = MAPPED.get(words[str(int(value))]["text"], "none")
                drawn.append(_box(place.x(at), y + 2, wide, tall - 4, colour))
        return "".join(drawn)

    def lines(self, panel: Mapping[str, Any], place: "Place") -> str:
        """Curves over the shaded fault windows, with dashed limits."""
        found = self.asked(panel)
        highest = max((value for _, values in found for _, value in values), default=1.0) or 1.0
        top = panel["fieldConfig"]["defaults"].get("max", highest * 1.1) if highest > 0.5 else highest * 1.1
        bottom = place.height - BOTTOM
        scale = (bottom - TOP) / top
        drawn = [place.axis()]
        for start, end in self.windows:
            width = place.x(end) - place.x(start)
            drawn.append(_box(place.x(start), TOP, width, bottom - TOP, "#ff9830", opacity=0.13))
        for share in (0, 0.5, 1):
            y = bottom - share * top * scale
            drawn.append(place.across(y, "#e3e4e5"))
            drawn.append(_text(LEFT - 6, y + 4, _unit(panel, share * top), size=10, anchor="end"))
        for limit in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]:
            if limit["value"] <= top:
                drawn.append(place.across(bottom - limit["value"] * scale, "#e02f44", "6 4"))
        for index, (name, values) in enumerate(found):
            colour = COLOURS[index % len(COLOURS)]
            for part in _unbroken(values, 3 * self.step):
                points = " ".join(
                    f"{place.x(at):.1f},{bottom - min(value, top) * scale:.1f}" for at, value in part
                )
                drawn.append(
                    f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
                )
            drawn.append(_text(LEFT + index * 120, place.height - 6, f"— {name}", size=11, colour=colour))
        return "".join(drawn)


@dataclass
class Place:
    """The inside of one panel, and where times are in it."""

    width: int
    height: int
    start: float
    end: float
    left: int = LEFT

    def x(self, at: float) -> float:
        return self.left + (at - self.start) / (self.end - self.start) * (self.width - self.left - RIGHT)

    def axis(self) -> str:
        """Seconds since the run began."""
        moments = [self.start + (self.end - self.start) * share / 4 for share in range(5)]
        return "".join(
            _text(self.x(at), self.height - 22, f"{at - self.start:.0f} s", size=10, anchor="middle")
            for at in moments
        )

    def across(self, y: float, colour: str, dashes: str = "none") -> str:
        path = f"M{self.left} {y:.1f}H{self.width - RIGHT}"
        return f'<path d="{path}" stroke="{colour}" stroke-dasharray="{dashes}"/>'


def _unbroken(values: Points, most_s: float) -> Iterator[Points]:
    """The parts between gaps: nothing is drawn where nothing was measured."""
    part: Points = []
    for point in values:
        if part and point[0] - part[-1][0] > most_s:
            yield part
            part = []
        part.append(point)
    yield part


def _box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}" opacity="{opacity}"/>'


def _unix(at: str) -> float:
    return datetime.fromisoformat(at).astimezone(UTC).timestamp()


def _legend(form: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        form = form.replace("{{" + name + "}}", value)
    return form


def _unit(panel: Mapping[str, Any], value: float) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return f"{value / 2**20:.3g} MiB"
    return f"{value:.3g}" + ("/s" if unit == "reqps" else "")


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 13,
    anchor: str = "start",
    weight: int = 400,
    colour: str = "#24292e",
) -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{html.escape(words)}</text>'


def main(run: str, prometheus: str, out: str) -> None:
    """Draw and photograph."""
    page = Board(Path(run), prometheus).page()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 24 * COLUMN + 32, "height": 900}, device_scale_factor=1)
        view.set_content(page)
        view.screenshot(path=out, full_page=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
