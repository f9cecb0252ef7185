"""Nobody reads by string keys what has a dataclass: the codec is the one place where keys are names of fields."""

from pathlib import Path

import pytest

from tests.house import reads


def test_nobody_reads_an_order_by_keys() -> None:
    assert not [str(read) for read in reads.of_orders()]


MOST_OF_EVENTS = 185
"""177 were left when the order was typed; whoever takes some away lowers it."""


def test_reads_of_events_by_keys_become_fewer() -> None:
    assert len(reads.of_events()) <= MOST_OF_EVENTS


@pytest.mark.parametrize(
    "line",
    [
        'order["anything"]',
        'self._order.get("load")',
        'plan["method"]',
        'x["hold_s"]',
        'x.get("declared_s", 0)',
    ],
)
def test_such_a_read_would_be_seen(line: str, tmp_path: Path) -> None:
    (tmp_path / "chaos").mkdir()
    (tmp_path / "chaos" / "new.py").write_text(f"value = {line}\n")
    (read,) = reads.of_orders(tmp_path)
    assert Path(read.file).name == "new.py"
