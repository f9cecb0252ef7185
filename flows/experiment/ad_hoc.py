"""One experiment from a short form, without a manifest: what a person starts from the Prefect UI.

1. write  the manifest that its author would have written; refused like any other
2. keep   it as an artifact, so that it can be taken into the repository
3. run    as every experiment: sandbox, inject, collect, analyze, visualize
"""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from pydantic import Field

from chaos.errors import Interrupted
from chaos.manifests.ad_hoc import SCENARIOS, Wish, text_of, written
from chaos.manifests.overriding import Intensity
from chaos.manifests.posted import one
from chaos.planning.plan import plan as draw
from chaos.sandboxes.names import ProviderName
from chaos.text.inert import inert
from flows.experiment.flow import Hold, Seed, executed
from flows.prefect.handover import take
from flows.prefect.kill_switch import final_state, state_of_unbegun

Scenario = Annotated[str, Field(json_schema_extra={"enum": list(SCENARIOS)})]
Port = Annotated[int, Field(ge=1, le=65535)]
Manifest = Annotated[str, Field(max_length=256 * 1024)]
Path_ = Annotated[str, Field(pattern="^/[^ ]*$")]


@flow(name="ad-hoc", persist_result=False, result_storage=get_current_settings().results.local_storage_path)
async def ad_hoc(
    scenario: Scenario,
    intensity: Intensity = "medium",
    hold: Hold | None = None,
    app: str | None = None,
    image: str | None = None,
    sandbox: ProviderName = "local",
    command: str | None = None,
    port: Port = 8000,
    path: Path_ = "/",
    dependency: str | None = None,
    seed: Seed | None = None,
    manifest: Manifest | None = None,
    out: str = "runs",
) -> State[dict[str, Any]]:
    """Carry out one experiment that no repository holds.

    Args:
        scenario: The fault to inject.
        intensity: How hard.
        hold: How long the fault is held, such as 30s; without it, as long as it takes to measure it.
        app: A directory of the machine that runs it; the demo shop, when there is no image either.
        image: A container image, such as docker.io/library/nginx:1.29, for sandboxes that run images.
        sandbox: Which sandbox it runs in.
        command: How the app is started, in its directory, such as python3 web.py. Not needed for the demo shop.
        port: Where the app answers HTTP.
        path: What it is asked for; status 200 is well.
        dependency: What a fault of a dependency takes away, such as db.internal:5432. Not needed for the demo shop.
        seed: What decides the random choices; without it the digest does.
        manifest: A whole manifest in place of all of the above but the seed: of an image, or of the demo shop (app: .).
        out: The folder that gets a folder for this run, with its journal, result and report.
    """
    wish = Wish(
        scenario=scenario,
        intensity=intensity,
        hold=hold or None,
        app=app or None,
        image=image or None,
        sandbox=sandbox,
        command=command or None,
        port=port,
        path=path,
        dependency=dependency or None,
    )
    loaded = await asyncio.to_thread(one, manifest) if manifest else await asyncio.to_thread(written, wish)
    plan = draw(loaded, seed=seed)
    words = (
        "Take it into your repository to keep it; `app` is the app's directory, relative to the file.\n\n"
        f"{_fenced(text_of(loaded))}\n"
    )
    await acreate_markdown_artifact(
        words, key=f"{plan.name}-manifest", description="the manifest of this run"
    )
    try:
        return await final_state(await executed(plan, Path(out), take()))
    except Interrupted as error:
        return await state_of_unbegun(error)


def _fenced(text: str) -> str:
    """A block of code that nothing in it ends."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}yaml\n{inert(text)}{fence}"
