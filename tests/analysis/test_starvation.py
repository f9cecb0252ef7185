"""What the machine took from the app explains bad samples, and nothing else does: runs told by hand."""

from typing import Any

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.verdict import Verdict
from tests.journals.telling import FAST, HEALTHY, Telling

REFUSED = [(3.0, 4.4)]
ALL = (0.0, 11.0)


def told(**how: Any) -> Result:
    return judge(Telling(**{"states": [HEALTHY], "slow": {}, **how}).events())


def test_failed_looks_while_the_machine_took_the_time_are_no_counterexample() -> None:
    assert told(down=REFUSED).verdict is Verdict.DEVIATED
    starved = told(down=REFUSED, taken={(2.6, 4.6): 0.9})
    assert starved.verdict is Verdict.INCONCLUSIVE
    assert "the machine gave time to others that the app was ready to use" in starved.why
    assert "around 7 of 7 bad samples, which may explain what was seen: " in starved.why


def test_what_the_baseline_stood_is_no_excuse() -> None:
    assert told(down=REFUSED, taken={ALL: 0.9}).verdict is Verdict.DEVIATED


def test_little_is_no_excuse() -> None:
    assert told(down=REFUSED, taken={(2.6, 4.6): 0.1}).verdict is Verdict.DEVIATED


def test_bad_looks_at_another_time_are_not_explained() -> None:
    result = told(down=[*REFUSED, (5.0, 5.9)], taken={(2.6, 4.6): 0.9})
    assert result.verdict is Verdict.DEVIATED


def test_nothing_is_weakened_where_all_was_good() -> None:
    assert told(taken={ALL: 0.9}).verdict is Verdict.HELD


def test_late_requests_are_explained_by_as_much_as_was_taken() -> None:
    """A request that took 1.6 s of at most 1 s was good without 0.9 s of others, and still bad without 0.4 s."""
    slow = {(3.0, 5.0): 1.6}
    assert told(states=[FAST], slow=slow).verdict is Verdict.DEVIATED
    assert told(states=[FAST], slow=slow, taken={(2.5, 6.8): 0.6}).verdict is Verdict.INCONCLUSIVE
    assert told(states=[FAST], slow=slow, taken={(2.5, 6.8): 0.2}).verdict is Verdict.DEVIATED


def test_a_longer_sample_stands_the_same_rate() -> None:
    """What is taken at the same rate all along is more around a long request, and no excuse for it."""
    assert told(states=[FAST], slow={(3.0, 5.0): 1.6}, taken={ALL: 0.6}).verdict is Verdict.DEVIATED
