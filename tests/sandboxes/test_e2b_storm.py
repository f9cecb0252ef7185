"""Many experiments at once while E2B has its worst day: none is lost, none injected twice, nothing is left."""

import logging
from pathlib import Path

import pytest

from tests.sandboxes.storm import storm

MANY = 8


@pytest.mark.timeout(300)
def test_none_is_lost_none_is_injected_twice_nothing_is_left_and_no_secret_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    after = storm(tmp_path, MANY, recovery_s=8)
    assert [(each.outcome, each.injected, each.destroyed) for each in after.survived] == [
        ("completed", 1, True)
    ] * MANY, after
    assert all(each.verdict == "held" for each in after.survived), after
    assert after.left == []
    for kind in ("429", "503", "stall", "lose", "drop"):
        assert after.said[kind] > 0, after.said  # or it proves nothing
    assert len(after.secrets) > MANY
    written = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(secret in text for secret in after.secrets for text in (*written, caplog.text))
