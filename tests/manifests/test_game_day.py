"""A game day as its author writes it: what is read, and what is refused where and why."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from chaos.cli.main import cli
from chaos.errors import ManifestError
from chaos.game_days.planning import plan_day
from chaos.manifests.load import game_days, load_all
from chaos.manifests.referring import resolve
from chaos.manifests.schema import schema
from tests.manifests.a_repository import SMALL, a_repository

DAY = """\
apiVersion: chaoslab/v1
kind: GameDay
metadata:
  name: november
  labels: {team: payments}
spec:
  purpose: See whether the shop comes back by itself.
  participants: [Ada, Grace]
  notes: The first one.
  schedule:
    cron: "0 9 * * 2"
    timezone: Europe/Berlin
    windows: [{days: mon-fri, from: "09:00", until: "17:00"}]
    blackouts: [{from: 2026-12-20, until: 2027-01-06, why: freeze}]
  onDeviation: continue
  stopWhen:
    - {probe: {type: http, url: "http://127.0.0.1:9/health", every: 500ms}, tolerance: {status: 200}, for: 5s}
  stages:
    - name: warm up
      parallel: 2
      experiments:
        - {name: small, hold: 20s, weight: 2}
        - {name: other, onDeviation: stop, followUp: closer}
      goNoGo:
        - {type: verdicts, require: not-deviated}
        - {type: probe, probe: {type: tcp, port: 9}, tolerance: {connected: true}, for: 2s, within: 30s}
        - {type: approval, question: "Go on?", within: 10m}
    - name: the real thing
      experiments: [{name: third, intensity: high}]
  followUps: [{name: closer, hold: 10s}]
"""


def a_day(folder: Path, text: str = DAY) -> Path:
    """The file of a day, beside the experiments that it names."""
    shop = a_repository(folder)
    for name in ("small", "other", "closer"):
        (shop / f"{name}.yaml").write_text(SMALL.replace("name: small", f"name: {name}"))
    third = SMALL.replace("name: small", "name: third").replace("process_kill, process: web", "disk_full")
    (shop / "third.yaml").write_text(third)
    days = folder / "experiments/game-days"
    days.mkdir()
    (days / "day.yaml").write_text(text)
    return days / "day.yaml"


def refused(folder: Path, old: str, new: str) -> list[str]:
    """Every problem of the day with that change, without the file."""
    assert old in DAY
    path = a_day(folder, DAY.replace(old, new))
    loaded, wrong = load_all([path])
    wrong += [problem for day in game_days(loaded) for problem in resolve(day)[1]]
    return [str(each).removeprefix(str(path)) for each in wrong]


def test_a_day_finds_its_experiments_and_gives_them_its_numbers(tmp_path: Path) -> None:
    loaded, wrong = load_all([a_day(tmp_path)])
    (day,) = game_days(loaded)
    found, amiss = resolve(day)
    assert (wrong, amiss) == ([], [])
    plan = plan_day(day, found)
    assert plan.planned == ["small", "other", "third"]
    assert plan.plans["small"].work["method"][0]["hold_s"] == 20
    assert plan.plans["closer"].work["method"][0]["hold_s"] == 10
    assert plan.plans["third"].overrides == {"intensity": "high"}
    assert plan.declared_s == 70 + 70


def test_the_digest_follows_what_happens_and_not_who_is_there(tmp_path: Path) -> None:
    def digest(folder: str, text: str) -> str:
        loaded, _ = load_all([a_day(tmp_path / folder, text)])
        (day,) = game_days(loaded)
        return plan_day(day, resolve(day)[0]).digest

    same = digest("a", DAY)
    assert digest("b", DAY.replace("Ada, Grace", "Ada").replace("0 9 * * 2", "0 10 * * 2")) == same
    assert digest("c", DAY.replace("parallel: 2", "parallel: 1")) != same
    assert digest("d", DAY.replace("hold: 20s", "hold: 21s")) != same


def test_the_schema_accepts_it(tmp_path: Path) -> None:
    checker = jsonschema.Draft202012Validator(schema())
    plain = json.loads(json.dumps(yaml.safe_load(DAY), default=str))
    assert [each.message for each in checker.iter_errors(plain)] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("purpose:", "porpose:", "unknown key 'porpose'; did you mean 'purpose'?"),
        ("kind: GameDay", "kind: Gameday", "unknown 'Gameday'; did you mean 'GameDay'?"),
        (
            "name: small,",
            "name: smal,",
            "no experiment of this repository is called 'smal'; did you mean 'small'?",
        ),
        ("intensity: high", "followUp: nobody", "no experiment of this repository is called 'nobody'"),
        ("name: other", "name: small", "'small' is there already; names of experiments are unique in a day"),
        ("name: the real thing", "name: warm up", "'warm up' is there already; names of stages"),
        (
            "name: closer, hold: 10s",
            "name: closer, followUp: other",
            "goes round in a circle: other -> closer -> other",
        ),
        (
            "name: closer, hold: 10s",
            "name: closer, followUp: closer",
            "goes round in a circle: closer -> closer",
        ),
        ("followUp: closer", "weight: 1", "'closer' is no `followUp` of anything in this day"),
        ("hold: 20s", "hold: 20m", "'small' is not allowed hold 20m"),
        ("every: 500ms", "every: 2s", "2s is too long: a day looks at least every 1s"),
        ("type: tcp, port: 9}", "type: tcp, port: 9, timeout: 3s}", "3s is too long"),
        ("within: 30s", "within: 1s", "2s is longer than `within`, 1s"),
        ("type: tcp, port: 9", "type: process, process: web", "unknown 'process'; known: http, tcp"),
        (
            "experiments: [{name: third",
            "goNoGo: [{type: verdicts}]\n      experiments: [{name: third",
            "nothing is left",
        ),
        ("type: approval", "type: aproval", "unknown 'aproval'; did you mean 'approval'?"),
        (
            "Europe/Berlin",
            "Europe/Berlim",
            "unknown time zone 'Europe/Berlim'; did you mean 'Europe/Berlin'?",
        ),
        ('"0 9 * * 2"', '"0 9 * * 6"', "'0 9 * * 6' only fires outside of its windows or in blackouts"),
        ('until: "17:00"', 'until: "25:00"', "'25:00' is not a time of day such as 09:00"),
        ("days: mon-fri", "days: mon-fry", "day of week 'fry' is not within 0 to 7"),
        ("until: 2027-01-06", "until: 2026-12-01", "2026-12-01 is before 2026-12-20"),
        ("from: 2026-12-20", "from: 20.12.2026", "'20.12.2026' is not a date such as 2026-12-24"),
        ("parallel: 2", "parallel: 0", "too low; at least 1"),
        ("onDeviation: stop", "onDeviation: halt", "unknown 'halt'; known: continue, stop"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    problems = refused(tmp_path, old, new)
    assert any(said in each for each in problems), problems
    assert all(each.startswith(":") for each in problems)


def test_an_experiment_whose_file_is_broken_is_said_to_be_missing_because_of_it(tmp_path: Path) -> None:
    path = a_day(tmp_path)
    other = tmp_path / "experiments/shop/other.yaml"
    other.write_text(other.read_text().replace("hypothesis:", "hypotesis:"))
    done = CliRunner().invoke(cli, ["validate", str(path)])
    assert done.exit_code == ManifestError.exit_code
    assert f"no experiment of this repository is called 'other'; broken: {other}" in done.output


def test_validate_takes_days_and_experiments_together(tmp_path: Path) -> None:
    a_day(tmp_path)
    done = CliRunner().invoke(cli, ["validate", str(tmp_path / "experiments")])
    assert (done.exit_code, done.output) == (0, "5 manifest(s) valid\n")
