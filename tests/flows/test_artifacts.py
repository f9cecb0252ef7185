"""What a run's page says, from a result to Prefect's API and back."""

import asyncio
import base64

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact
from prefect.runtime import flow_run

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from flows.experiment import artifacts
from flows.experiment.flow import experiment
from flows.server import api as server
from tests.report.a_run import events


def result() -> Result:
    """A run whose network was 300 ms slower."""
    return judge(events())


def test_the_text_says_verdict_why_and_numbers() -> None:
    text = artifacts.markdown(result(), artifacts.picture(events()))

    assert text.startswith(f"# shop-network-delay: {result().verdict}")
    assert result().why in text
    assert "| slow network | network_delay · nfqueue · real |" in text
    assert "| healthy |" in text


def test_the_picture_is_an_svg_that_needs_nothing_else() -> None:
    uri = artifacts.picture(events())

    kind, _, data = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    svg = base64.b64decode(data).decode()
    assert svg.startswith("<svg")
    assert "slow network" in svg


def test_without_load_there_is_no_picture() -> None:
    assert artifacts.picture([event for event in events() if event.type != "load.sampled"]) == ""


def test_words_of_others_cannot_break_a_table() -> None:
    step = result().steps[0].model_copy(update={"name": "one | two\n\nthree \x1b[31mred", "why": "a\n# b"})
    text = artifacts.markdown(result().model_copy(update={"steps": [step]}), "")

    [row] = [row for row in text.splitlines() if row.startswith("| one")]
    assert row.startswith("| one \\| two three red | network_delay")
    assert "- **one | two three red**: a # b\n" in text


def test_published_artifacts_are_on_the_runs_page(prefect_server: server.Api) -> None:
    found = {artifact.key: artifact for artifact in asyncio.run(_published())}

    assert set(found) == {
        "shop-network-delay-verdict",
        "shop-network-delay-steady-states",
        "shop-network-delay-steps",
        "shop-network-delay-report",
    }
    assert found["shop-network-delay-verdict"].type == "markdown"
    assert "data:image/svg+xml;base64," in str(found["shop-network-delay-verdict"].data)
    assert found["shop-network-delay-steps"].type == "table"


@flow(persist_result=False, result_storage=experiment.result_storage)
async def _publishing() -> str:
    links = result().links.model_copy(update={"report": "file:///tmp/report.html"})
    await artifacts.publish(result().model_copy(update={"links": links}), artifacts.picture(events()))
    return str(flow_run.id)


async def _published() -> list[Artifact]:
    run = await _publishing()
    async with get_client() as client:
        return await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        )
