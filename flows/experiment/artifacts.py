"""What people find on a run's page in Prefect: the verdict in words and a picture, tables, links.

`publish` writes them; the rest is pure: a result in, Markdown and rows out.
"""

import asyncio
from collections.abc import Sequence

from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact

from chaos.analysis.chart import series
from chaos.analysis.record import Record
from chaos.analysis.result import Result
from chaos.events import Event
from chaos.report import phrases
from chaos.report.fidelity import fidelity
from chaos.report.markdown import Row, bullets, line, reasons, rendered, section, table
from chaos.report.svg import chart_data_uri, latency_chart


async def publish(result: Result, chart: str) -> None:
    """Create the artifacts of a finished run. Their keys group the runs of one experiment in the UI."""
    name = result.experiment
    work = [
        acreate_markdown_artifact(
            markdown(result, chart), key=f"{name}-verdict", description=line(result.why)
        ),
        acreate_table_artifact(
            rendered(state_rows(result)),
            key=f"{name}-steady-states",
            description="What had to stay true, and whether it did.",
        ),
        acreate_table_artifact(
            rendered(step_rows(result)),
            key=f"{name}-steps",
            description="What was asked of each fault, and what it was measured to do.",
        ),
    ]
    for what, link in (("report", result.links.report), ("dashboard", result.links.dashboard)):
        if link:
            work.append(
                acreate_link_artifact(
                    link, link_text=line(link), key=f"{name}-{what}", description=f"The {what} of this run."
                )
            )
    await asyncio.gather(*work)


def picture(events: Sequence[Event]) -> str:
    """The latency chart as a data: address; Prefect shows those, and strips inline SVG. Empty without load."""
    shown = series(events)
    if not shown.latency_p50:
        return ""
    return chart_data_uri(latency_chart(shown, Record(events).plan))


def markdown(result: Result, chart: str) -> str:
    """The verdict, why, the latency with the fault's window, asked against delivered, and what to do."""
    parts = [
        f"# {line(result.experiment)}: {result.verdict}",
        f"> {line(result.hypothesis)}",
        f"**{line(result.why)}**",
        f"{phrases.outcome(result.outcome)} · verdict **{result.verdict}** · run {line(result.run_id)}",
        f"![Latency over time, the fault's window shaded]({chart})" if chart else "",
        "\n".join(
            f"- {each.name}: **{line(each.value)}** {line(each.beside)}"
            for each in phrases.key_numbers(result)
        ),
        section("Method", table(step_rows(result)), reasons((step.name, step.why) for step in result.steps)),
        section(
            "Steady states",
            table(state_rows(result)),
            reasons((state.name, state.why) for state in result.steady_state),
        ),
        section("Doubts", bullets(result.doubts)),
    ]
    if result.analysis:
        parts.append(section("Analysis", line(result.analysis.summary)))
        parts.append(f"Severity **{result.analysis.severity}**; {line(phrases.wrote(result.analysis))}")
        parts.append(section("Recommendations", bullets(result.analysis.recommendations)))
    return "\n\n".join(part for part in parts if part) + "\n"


def step_rows(result: Result) -> Sequence[Row]:
    """One row a step: asked, delivered, landed."""
    return [
        {
            "step": step.name,
            "fault": phrases.manner(step),
            "asked": ", ".join(f"{each.name} {each.asked}" for each in fidelity(step)),
            "delivered": ", ".join(
                f"{each.name} {each.delivered} {each.bounds}".strip() for each in fidelity(step)
            ),
            "landed": "yes" if step.landed else "no",
            "met": phrases.met(step),
            "why": step.why,
        }
        for step in result.steps
    ]


def state_rows(result: Result) -> Sequence[Row]:
    """One row a steady state: how many samples were bad in each phase, and when it was good again."""
    return [
        {
            "steady state": state.name,
            "verdict": str(state.verdict),
            "normal": phrases.normal(state),
            "bad in baseline / fault / recovery": f"{state.baseline_bad} / {state.fault_bad} / {state.recovery_bad}",
            "samples": str(state.samples),
            "recovered": phrases.recovery(state),
            "why": state.why,
        }
        for state in result.steady_state
    ]
