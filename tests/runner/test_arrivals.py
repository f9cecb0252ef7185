"""How the agent's events came in, by the host's clock."""

from collections.abc import Sequence

from chaos.events import Event
from chaos.runner.arrivals import Arrivals


def tell(arrivals: Arrivals, looks: Sequence[tuple[float, str]]) -> None:
    """Looks at a moment each, with the types that they brought."""
    for at, types in looks:
        arrivals.took(at, [Event(*_named(each)) for each in types.split()])


def _named(word: str) -> tuple[str, float]:
    return {"beat": "usage.sampled", "phase": "phase.started", "over": "phase.ended"}.get(word, word), 0.0


def silent(looks: Sequence[tuple[float, str]]) -> float:
    arrivals = Arrivals()
    tell(arrivals, looks)
    return round(arrivals.silent_s, 6)


def test_an_agent_that_beats_is_not_silent() -> None:
    assert silent([(0.0, "phase"), *((n / 10, "beat") for n in range(1, 50))]) == 0.0


def test_silence_is_counted_while_we_look() -> None:
    assert silent([(0.0, "phase beat"), *((n / 10, "") for n in range(1, 31))]) == 3.0
    assert silent([(0.0, "phase beat"), *((n / 10, "log.captured") for n in range(1, 31))]) == 3.0


def test_before_and_after_the_phases_nobody_has_to_beat() -> None:
    assert silent([(0.0, "agent.started"), *((n / 10, "") for n in range(1, 100))]) == 0.0
    assert silent([(0.0, "phase beat over"), *((n / 10, "") for n in range(1, 100))]) == 0.0


def test_when_we_stood_still_ourselves_that_is_no_silence_of_the_agent() -> None:
    assert silent([(0.0, "phase beat"), (60.0, "")]) == 0.5
    assert silent([(0.0, "phase beat"), (60.0, "beat")]) == 0.0


def test_once_a_second_it_is_said_with_the_longest_silence_since() -> None:
    arrivals = Arrivals()
    said = []
    tell(arrivals, [(0.0, "phase beat")])
    for tenth in range(1, 31):
        tell(arrivals, [(tenth / 10, "" if 3 <= tenth <= 8 else "beat")])
        said.append(arrivals.due(7, -0.25))
    notes = [each for each in said if each]
    assert len(notes) == 2
    assert notes[0] == {"seq": 7, "silent_s": 0.6, "ahead_s": -0.25}
    assert notes[1]["silent_s"] == 0.0
    last = arrivals.due(8, 0.0, last=True)
    assert last is not None
    assert last["seq"] == 8


def test_before_the_first_event_there_is_nothing_to_say() -> None:
    arrivals = Arrivals()
    assert arrivals.due(0, 0.0, last=True) is None
