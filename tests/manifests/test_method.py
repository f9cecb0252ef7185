"""Steps that repeat, overlap and grow."""

from typing import Any

import pytest
from pydantic import ValidationError

from chaos.manifests.models.method import Step, overlapping, spans

DELAY = {"type": "network_delay", "port": 80}
DISK = {"type": "disk_full"}


def step(**fields: Any) -> Step:
    return Step.model_validate({"name": "it", "fault": DELAY, "hold": "1s"} | fields)


def entries(*steps: Step) -> list[dict[str, Any]]:
    return [entry for each in steps for entry in each.entries()]


def test_a_plain_step_is_one_entry_under_its_own_name() -> None:
    (entry,) = entries(step())
    assert (entry.name, entry.hold_s, entry.start_s, entry.since_previous_s) == (
        "it",
        1.0,
        None,
        None,
    )


def test_steps_follow_each_other_unless_they_say_when_to_start() -> None:
    method = entries(step(hold="2s"), step(hold="3s"), step(fault=DISK, start="500ms", hold="1s"))
    assert spans(method) == [(0, 2), (2, 5), (0.5, 1.5)]


def test_a_repeated_step_begins_anew_at_its_own_pace() -> None:
    method = entries(step(repeat={"times": 3, "every": "2500ms"}), step(fault=DISK))
    assert [entry.name for entry in method] == ["it 1/3", "it 2/3", "it 3/3", "it"]
    assert spans(method) == [(0, 1), (2.5, 3.5), (5, 6), (6, 7)]


def test_a_repeated_step_with_a_start_is_planned_from_there() -> None:
    method = entries(step(start="1s", repeat={"times": 2, "every": "2s"}))
    assert spans(method) == [(1, 2), (3, 4)]


def test_a_ramp_goes_from_the_first_value_to_the_last_in_equal_stages() -> None:
    method = entries(step(hold="4s", ramp={"field": "delay", "from": "100ms", "to": "400ms", "stages": 4}))
    assert [entry.fault.fields["delay"] for entry in method] == [0.1, 0.2, 0.3, 0.4]
    assert [entry.hold_s for entry in method] == [1.0] * 4
    assert method[1].name == "it 2/4 (delay 200ms)"


def test_a_ramp_may_go_down_and_in_bytes_stays_whole() -> None:
    ramp = {"field": "leave", "from": "3MiB", "to": "1MiB", "stages": 3}
    method = entries(step(fault=DISK, ramp=ramp))
    assert [entry.fault.fields["leave"] for entry in method] == [3 * 2**20, 2 * 2**20, 2**20]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"repeat": {"times": 2, "every": "1s"}}, "repeat.every must be longer than hold"),
        (
            {"repeat": {"times": 2, "every": "2s"}, "ramp": {"field": "delay", "from": "1ms", "to": "2ms"}},
            "repeat and ramp exclude each other",
        ),
        (
            {"ramp": {"field": "lag", "from": "1ms", "to": "2ms"}},
            "'lag' is no quantity of this fault; known: delay, jitter",
        ),
        ({"ramp": {"field": "delay", "from": "1", "to": "2ms"}}, "duration such as 300ms"),
        ({"ramp": {"field": "delay", "from": "0ms", "to": "2ms"}}, "out of range"),
        ({"repeat": {"times": 1, "every": "2s"}}, "greater than or equal to 2"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_what_is_allowed(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        step(**fields)
    assert why in str(refused.value)


def test_two_faults_of_one_type_at_the_same_time_are_found() -> None:
    both = entries(step(name="one", start="0s", hold="2s"), step(name="two", start="1s", hold="2s"))
    assert list(overlapping(both)) == [("one", "two")]
    apart = entries(step(name="one", start="0s", hold="1s"), step(name="two", start="1s"))
    assert list(overlapping(apart)) == []
    different = entries(step(name="one", start="0s"), step(name="two", fault=DISK, start="0s"))
    assert list(overlapping(different)) == []
