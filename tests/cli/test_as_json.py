"""What commands print for programs."""

import json
from pathlib import Path

from click.testing import CliRunner

from chaos.cli.as_json import checks
from chaos.cli.examination import Examination
from chaos.cli.main import cli
from tests.lab import ROOT

HELLO = str(ROOT / "experiments/hello.yaml")


def test_validate(tmp_path: Path) -> None:
    fine = CliRunner().invoke(cli, ["validate", "--json", HELLO])
    assert (fine.exit_code, json.loads(fine.output)["valid"]) == (0, True)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(Path(HELLO).read_text().replace("kind: Experiment", "kind: Experimen"))
    said = CliRunner().invoke(cli, ["validate", "--json", str(wrong)])
    found = json.loads(said.output)
    assert (said.exit_code, found["valid"], found["problems"][0]["path"]) == (2, False, "kind")
    assert found["problems"][0]["line"] > 0


def test_plan() -> None:
    said = CliRunner().invoke(cli, ["plan", "--json", "--hold", "6s", HELLO])
    (found,) = json.loads(said.output)
    assert (said.exit_code, found["experiment"], found["possible"]) == (0, "hello", True)
    assert found["plan"]["method"][0]["hold_s"] == 6.0


def test_doctor() -> None:
    found = json.loads(checks([Examination("room", "degraded", "full \x1b[31m", "chaoslab gc")]))
    assert (found[0]["name"], found[0]["level"], found[0]["remedy"]) == ("room", "degraded", "chaoslab gc")
