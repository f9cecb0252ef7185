"""docs/openapi.json is what the console answers."""

import json
import re

from flows.console.app import create_app
from flows.console.problems import TYPES
from scripts.openapi_page import text
from tests.lab import ROOT


def test_the_committed_one_is_fresh() -> None:
    assert (ROOT / "docs/openapi.json").read_text() == text()


def test_names_are_stable_and_each_route_says_what_it_does() -> None:
    made = json.loads(text())
    routes = [about for verbs in made["paths"].values() for about in verbs.values()]
    names = [each["operationId"] for each in routes]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    assert all(each["description"] for each in routes)
    assert all(
        list(each["responses"]["default"]["content"]) == ["application/problem+json"] for each in routes
    )
    assert made["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in made["components"]["schemas"]


def test_the_missions_routes_are_there_word_for_word() -> None:
    paths = create_app().openapi()["paths"]
    assert {"/api/experiment/start", "/api/experiment/{id}/status", "/api/experiment/{id}/results"} <= set(
        paths
    )


def test_the_page_of_problems_lists_them_all() -> None:
    page = (ROOT / "docs/api.md").read_text()
    assert [name for name in TYPES if f"`{name}`" not in page and name != "broken"] == []
