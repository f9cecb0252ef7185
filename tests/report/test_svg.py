"""Charts: well-formed, honest about spikes and gaps, told apart without colour, safe with hostile names."""

import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chaos.analysis import ChartSeries
from chaos.report import scale, svg
from chaos.report.chart import Band, Chart, Limit, Trace
from chaos.report.plot import draw
from chaos.report.strip import CELLS, Strip, cells, draw_strip
from chaos.report.thin import COLUMNS, thinned, unbroken
from tests.report.conftest import Judged

GOLDEN = Path(__file__).parent.parent / "golden" / "chart.svg"
HOSTILE = "</title><script>alert(1)</script> {{ 7*7 }} \"'&\n\u202e\x00\ud800 " + "x" * 5000
SVG = "{http://www.w3.org/2000/svg}"


def small(**changes: object) -> Chart:
    shape: dict[str, object] = {
        "title": "Latency",
        "about": "What it is.",
        "unit": scale.seconds,
        "span": (100.0, 110.0),
        "lines": [Trace(name="p95", points=[(100.0 + i, 0.1 * i) for i in range(11)], area=True)],
        "dots": [(101.0, 0.2), (105.0, 0.5)],
        "dots_name": "one request",
        "misses": [104.0],
        "misses_name": "failed",
        "bands": [
            Band(name="baseline", start=100, end=103),
            Band(name="slow", start=103, end=107, shaded=True),
        ],
        "limits": [Limit(name="fast: at most", value=0.8)],
        "named": True,
        "height": 200,
    }
    return Chart(**(shape | changes))  # type: ignore[arg-type]


def test_looks_as_it_was_agreed() -> None:
    assert draw(small()) + "\n" == GOLDEN.read_text(), "look at it, then write it anew if it is better"


def test_every_chart_of_a_run_is_well_formed_and_described(run: Judged) -> None:
    charts = svg.timeline(run.series, run.started["plan"])
    assert len(charts) == 7
    assert not any("Disk" in chart for chart in charts)
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert root.findtext(f"{SVG}title")
        assert root.findtext(f"{SVG}desc")


def test_shades_the_fault_and_names_it() -> None:
    chart = draw(small())
    assert '<rect class="band" x="30.0%"' in chart
    assert 'width="40.0%"' in chart
    assert ">slow</text>" in chart


def test_names_a_limit_that_lies_above_the_scale() -> None:
    chart = draw(small(limits=[Limit(name="fast: at most", value=60.0)]))
    assert "↑ fast: at most 60 s" in chart.replace(scale.NBSP, " ")
    assert 'class="limit"' not in chart


def test_keeps_a_spike_between_two_pixels() -> None:
    flat = [(x / 50, 1.0) for x in range(50 * COLUMNS)]
    spiky = [*flat[:25_000], (500.003, 99.0), *flat[25_000:]]
    kept = thinned(spiky)
    assert max(value for _, value in kept) == 99.0
    assert len(kept) <= 4 * COLUMNS


def test_a_gap_is_a_gap() -> None:
    points = [(float(x), 1.0) for x in (0, 1, 2, 3, 8, 9)] + [(10.0, None), (11.0, 1.0)]
    assert [len(stretch) for stretch in unbroken(points, gap_s=3.5)] == [4, 2, 1]
    chart = draw(small(lines=[Trace(name="", points=[(100, 1), (101, 1), (102, 1), (108, 1), (109, 1)])]))
    assert len(re.findall(r'class="line l1"', chart)) == 2


def test_traces_differ_by_more_than_colour() -> None:
    sheet = (Path(svg.__file__).parent / "page" / "chart.css").read_text()
    assert "stroke-dasharray" not in re.search(r"\.l1 \{[^}]*\}", sheet)[0]  # type: ignore[index]
    assert "stroke-dasharray: 6 4" in re.search(r"\.l2 \{[^}]*\}", sheet)[0]  # type: ignore[index]


@pytest.mark.parametrize(
    "chart",
    [
        small(lines=[], dots=[], misses=[], limits=[]),
        small(lines=[Trace(name="one", points=[(105.0, 0.0)])], dots=[]),
        small(span=(100.0, 100.0)),
        small(bands=[Band(name="instant", start=105, end=105, shaded=True)]),
        small(title=HOSTILE, about=HOSTILE, bands=[Band(name=HOSTILE, start=100, end=110, shaded=True)]),
        small(limits=[Limit(name=HOSTILE, value=0.5)], readouts=[(100.0, 101.0, HOSTILE)]),
    ],
)
def test_odd_charts_stay_well_formed(chart: Chart) -> None:
    drawn = draw(chart)
    ElementTree.fromstring(drawn)
    assert "<script" not in drawn
    assert "nan" not in drawn


def test_an_image_carries_its_own_colours_and_nothing_to_point_at(run: Judged) -> None:
    uri = svg.chart_data_uri(svg.latency_chart(run.series, run.started["plan"]))
    assert uri.startswith("data:image/svg+xml;base64,")
    picture = b64decode(uri.split(",", 1)[1]).decode()
    root = ElementTree.fromstring(picture)
    assert root.get("viewBox") == "0 0 760 288"
    assert "--one: #0072b2" in picture
    assert "readouts" not in picture
    assert len(uri) < 150_000


def test_a_run_without_a_sample_has_no_charts() -> None:
    assert svg.timeline(ChartSeries(), {}) == []
    assert "<svg" in svg.latency_chart(ChartSeries())


def test_one_bad_sample_among_thousands_is_seen() -> None:
    samples = [(x / 100, x != 4321) for x in range(10_000)]
    bad = [(first, after) for first, after, good in cells(samples, (0.0, 100.0)) if not good]
    assert bad == [(int(43.21 / 100 * CELLS), int(43.21 / 100 * CELLS) + 1)]


def test_a_strip_is_whole_where_samples_are_rare_and_open_where_none_came() -> None:
    regular = [(float(second), True) for second in range(100)]
    assert list(cells(regular, (0.0, 100.0))) == [(0, CELLS, True)]
    broken = [sample for sample in regular if not 20 < sample[0] < 60]
    assert [(first, after) for first, after, _ in cells(broken, (0.0, 100.0))] == [(0, 52), (150, CELLS)]


def test_a_strip_shows_bad_by_height() -> None:
    strip = draw_strip(
        Strip(
            title="healthy",
            about="x",
            span=(0.0, 10.0),
            samples=[(x / 10, x < 50) for x in range(100)],
            timed=True,
        )
    )
    heights = {
        match[1]: int(match[2]) for match in re.finditer(r'class="(good|bad)".*?height="(\d+)"', strip)
    }
    assert heights["bad"] >= 3 * heights["good"]


def test_a_disk_that_fills_gets_a_chart(run: Judged) -> None:
    filling = replace(run.series, disk={"/tmp": [(run.series.start, 1.0), (run.series.end, 99.0)]})
    assert any("Disk /tmp" in chart for chart in svg.timeline(filling, {}))
