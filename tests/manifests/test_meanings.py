"""What a manifest of before means by now is said where it may matter."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos.cli.main import cli
from chaos.manifests.load import load
from chaos.manifests.meanings import changed

HELLO = Path("experiments/hello.yaml")
ERRORS = """    - name: answered
      probe: {type: metric, metric: error_rate}
      tolerance: {max: 2%}
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ERRORS, "", True),
        ("", "", False),
        (
            "metric: error_rate}\n      tolerance: {max: 2%}",
            "metric: cpu}\n      tolerance: {max: 90%}",
            True,
        ),
        ("metric: latency_p95}", "metric: latency_p95_with_failures}", False),
    ],
)
def test_a_latency_beside_which_nothing_looks_at_failures_is_named(
    tmp_path: Path, before: str, after: str, said: bool
) -> None:
    text = HELLO.read_text()
    assert before in text
    file = tmp_path / "one.yaml"
    file.write_text(text.replace(before, after).replace("app: apps/shop", "image: docker.io/library/shop:1"))
    (one,) = load(file)
    notes = [str(note) for note in changed(one)]
    assert [
        ":18:29 spec.steadyState[0].probe.metric: latency_p95 is of answers" in note for note in notes
    ] == [True] * said
    done = CliRunner().invoke(cli, ["validate", str(file)])
    assert done.exit_code == 0
    assert ("use latency_p95_with_failures" in done.output) is said
