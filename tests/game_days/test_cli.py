"""Game days on the command line, as far as nothing is run."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaos.cli.main import cli
from tests.manifests.test_game_day import DAY, a_day


def invoked(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_the_plan_says_when_what_in_which_order_and_what_may_end_it(tmp_path: Path) -> None:
    done = invoked("plan", a_day(tmp_path))
    assert done.exit_code == 0
    lines = [line.strip() for line in done.output.splitlines()]
    for line in (
        "takes       140s of phases at least",
        "stage       warm up, 2 at once",
        "small  (1m), hold 20s, when it deviates: continue",
        "other  (70s), when it deviates: stop after closer",
        "then      goes on when none deviated",
        "then      goes on when tcp 9 is connected for 2s, within 30s",
        "then      asks a person, at most 10m: Go on?",
        "third  (70s), intensity high, when it deviates: continue",
        "aborted     when http http://127.0.0.1:9/health is not status 200 for 5s",
    ):
        assert line in lines, done.output


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (DAY, ("--no-prefect", "--anytime"), "after 'warm up' a person approves on a page of the Prefect UI"),
        (DAY, ("--hold", "5s", "--anytime"), "a game day says itself how its experiments run"),
        (
            DAY.replace("2026-12-20, until: 2027-01-06", "2000-01-01, until: 2999-12-31").replace(
                'cron: "0 9 * * 2"', "cron: null"
            ),
            (),
            "may not run now: ",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_made(
    tmp_path: Path, text: str, options: tuple[str, ...], said: str
) -> None:
    done = invoked("run", a_day(tmp_path, text), "--out", tmp_path / "runs", *options)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "runs").exists()
