"""JUnit XML of a game day, for a CI. Only held is green; what proved nothing is an error, never skipped."""

from xml.etree import ElementTree as Xml

from chaos.game_days.learnt import DayReport, DayRun
from chaos.report import day_words
from chaos.report.plain import plain
from chaos.verdict import Verdict


def junit(day: DayReport) -> str:
    """One suite a stage, one case an experiment; what was planned and not run has a suite of its own. Pure."""
    lasted = (day.until - day.started_at).total_seconds()
    root = Xml.Element("testsuites", _counts(day.game_day, day.runs, lasted, more=len(day.not_run)))
    for stage in day_words.stages(day):
        suite = Xml.SubElement(
            root, "testsuite", _counts(stage.name, stage.runs, sum(map(_length, stage.runs)))
        )
        for run in stage.runs:
            _case(suite, run)
    if day.not_run:
        suite = Xml.SubElement(root, "testsuite", _counts("not run", (), 0.0, more=len(day.not_run)))
        for name in day.not_run:
            case = Xml.SubElement(
                suite, "testcase", {"name": plain(name), "classname": "not run", "time": "0"}
            )
            Xml.SubElement(case, "error", {"type": "not run", "message": "planned, and not run"})
    _properties(root, day)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Xml.Element, run: DayRun) -> None:
    about = {"name": plain(run.experiment), "classname": plain(run.stage), "time": f"{_length(run):.3f}"}
    case = Xml.SubElement(suite, "testcase", about)
    if run.verdict is not Verdict.HELD:
        kind = "failure" if run.verdict is Verdict.DEVIATED else "error"
        why = {"type": day_words.outcome(run) or day_words.verdict(run), "message": plain(run.why)}
        Xml.SubElement(case, kind, why).text = "\n".join(
            plain(f"{state.name}: {state.verdict}: {state.why}") for state in run.broken
        )
    Xml.SubElement(case, "system-out").text = plain(
        "\n".join(part for part in (run.summary, *run.delivered) if part)
    )


def _counts(name: str, runs: tuple[DayRun, ...], lasted: float, more: int = 0) -> dict[str, str]:
    deviated = sum(run.verdict is Verdict.DEVIATED for run in runs)
    held = sum(run.verdict is Verdict.HELD for run in runs)
    return {
        "name": plain(name),
        "tests": str(len(runs) + more),
        "failures": str(deviated),
        "errors": str(len(runs) - deviated - held + more),
        "time": f"{lasted:.3f}",
    }


def _properties(root: Xml.Element, day: DayReport) -> None:
    """At the first suite: a list of suites has none in the schema that CI tools read."""
    suite = root.find("testsuite")
    if suite is None:
        return
    score = day.score
    known = {
        "verdict": day.verdict.value,
        "score": str(score.value),
        "score at most": str(score.at_most),
        "coverage": f"{score.coverage:.3f}",
        "digest": day.digest,
        "run": day.run_id,
    }
    properties = Xml.Element("properties")
    for name, value in known.items():
        Xml.SubElement(properties, "property", {"name": name, "value": plain(value)})
    suite.insert(0, properties)


def _length(run: DayRun) -> float:
    return (run.ended_at - run.started_at).total_seconds() if run.ended_at else 0.0
