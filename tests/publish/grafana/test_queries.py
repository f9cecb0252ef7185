"""The queries of a dashboard's panels as Grafana would send them, and what counts as a difference."""

from typing import Any

import pytest

from chaos.publish.grafana.compare import first_difference
from chaos.publish.grafana.queries import Query, queries_of

DASHBOARD: dict[str, Any] = {
    "templating": {
        "list": [
            {"name": "run", "current": {"value": "yesterday's"}},
            {"name": "experiment", "includeAll": True, "allValue": ".*", "current": {"value": ["$__all"]}},
        ]
    },
    "panels": [
        {"title": "words", "type": "text"},
        {"title": "now", "targets": [{"expr": 'a{run="$run"}[$__range]', "instant": True, "range": False}]},
        {
            "title": "row",
            "panels": [
                {"title": "in it", "targets": [{"expr": 'rate(b{e=~"${experiment}"}[$__rate_interval])'}]}
            ],
        },
    ],
}


def test_variables_are_filled_in() -> None:
    assert queries_of(DASHBOARD, {"run": 'to"day'}, 61.6) == [
        Query("now", 'a{run="to\\"day"}[62s]', True),
        Query("in it", 'rate(b{e=~".*"}[4s])', False),
    ]


def test_what_nobody_chose_is_as_the_dashboard_has_it() -> None:
    assert queries_of(DASHBOARD, {}, 0.0)[0].expr == 'a{run="yesterday\'s"}[1s]'


@pytest.mark.parametrize(
    ("kept", "where"),
    [
        ({"a": [{"b": 1, "more": 2}], "id": 7, "c": None}, None),
        ({"a": [{"b": 2}], "c": None}, "a[0].b"),
        ({"a": [{"b": 1}, {}], "c": None}, "a"),
        ({"a": [{}]}, "a[0].b"),
        ({"a": [{"b": 1}]}, None),
    ],
)
def test_grafana_may_add_but_not_change(kept: dict[str, Any], where: str | None) -> None:
    assert first_difference({"a": [{"b": 1}], "c": None, "id": 3, "version": 1}, kept) == where
