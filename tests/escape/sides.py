"""What came of the attempts that begin elsewhere: by the evidence that they left, and by what the agent wrote down."""

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from tests.escape.attempts.aside import CLOCK_MARK, MARK, STOPPED_S
from tests.escape.identities import Tried

_BY_LINK = "full by a link"
_STARTED_FOR = {
    "as_a_library_of_the_launcher": "library", "as_a_program_of_the_launcher": "program",
    "as_a_module_of_the_launcher": "module", "by_stopping_what_is_being_started": "stop",
}  # fmt: skip


def was_tried(name: str, run: Tried) -> bool:
    """Whether it was got as far as being refused."""
    match name:
        case "as_a_probes_command" | "as_another_user":
            return name in evidence(run)
        case "by_a_swapped_working_directory":  # the trap is laid: it is no folder any more
            return any(line.endswith("/app/jumped") for line in _lines(run))
        case "by_the_library_of_clocks" | "by_pages_that_are_cut":
            return run.identity == "image" or "clock" in _steps(run, "fault.injected") | _steps(
                run, "fault.failed"
            )
        case "by_links_for_what_faults_write":
            return _steps(run, "fault.injected") >= {"writes", "read-only", "inodes"}
        case "by_a_link_to_the_journals_disk":
            return "- /tmp/full" in _lines(run) and bool(_steps(run, "fault.injected") & {"inodes"})
        case "by_files_that_others_read" | "as_a_setup_command":
            return bool(run.answers)
    return _STARTED_FOR[name] in {e.data["process"] for e in run.events if e.type == "process.started"}


def reached(name: str, run: Tried) -> str:
    """What it reached; empty when that is nothing."""
    found = evidence(run)
    match name:
        case (
            "as_a_setup_command"
            | "as_a_probes_command"
            | "as_another_user"
            | "by_a_swapped_working_directory"
        ):
            said = json.loads(found.get(name) or "{}")
            return str(said) if said else ""
        case "as_a_library_of_the_launcher":
            return MARK if f"- {MARK}" in _lines(run) else ""
        case "by_the_library_of_clocks":
            return CLOCK_MARK if f"- {CLOCK_MARK}" in _lines(run) else ""
        case "by_pages_that_are_cut":
            return (
                ""
                if any(e.type == "fault.recovered" for e in run.events)
                else "the agent did not get over it"
            )
        case "by_stopping_what_is_being_started":
            return _stood_still(run) if name in found else ""
        case "by_links_for_what_faults_write":
            made = [
                line for line in _lines(run) if "/victim/" in line and line != "- /run/chaoslab/victim/canary"
            ]
            return str(made) if made else ""
        case "by_files_that_others_read":
            return " ".join(line for line in _lines(run) if line.startswith("+ "))
        case "by_a_link_to_the_journals_disk":
            return (
                "" if _BY_LINK in _steps(run, "fault.failed") else f"not refused: {run.seen['result']['why']}"
            )
    return "it could read the order" if name in found else ""


def evidence(run: Tried) -> dict[str, str]:
    """Of each trap that was sprung: what it wrote."""
    parts = re.split(r"^= (?:/image)?/app/evidence/(\w+)\.json$", run.seen["evidence"], flags=re.MULTILINE)
    return {name: text.strip().split("\n")[0] for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _lines(run: Tried) -> Sequence[str]:
    return str(run.seen["evidence"]).splitlines()


def _steps(run: Tried, type_: str) -> set[str]:
    return {event.data["step"] for event in run.events if event.type == type_}


def _stood_still(run: Tried) -> str:
    """For how long the agent, which samples ten times a second, did not; empty when it was not held up."""
    ticks = [event.at for event in run.events if event.type == "usage.sampled"]
    longest = max((later - earlier for earlier, later in pairwise(ticks)), default=0.0)
    return f"the agent stood still for {longest:.1f} s" if longest > STOPPED_S - 1 else ""
