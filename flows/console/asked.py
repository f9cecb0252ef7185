"""What may be asked for: the bodies of requests. Unknown fields are refused."""

import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chaos.history.deliveries import Note
from chaos.manifests.ad_hoc import SCENARIOS
from chaos.manifests.overriding import Intensity
from chaos.sandboxes.names import ProviderName
from chaos.text.inert import inert
from chaos.units import POSITIVE_DURATION

Name = Annotated[str, Field(min_length=1, max_length=200)]
Hold = Annotated[str, Field(max_length=40, pattern=POSITIVE_DURATION.pattern, examples=["10s"])]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]
Reason = Annotated[str, Field(max_length=500)]
Yaml = Annotated[
    str, Field(max_length=256 * 1024, description="Manifests: documents of YAML, 256 KiB at most.")
]
Scenario = Annotated[str, Field(json_schema_extra={"enum": list(SCENARIOS)}, max_length=60)]
Image = Annotated[str, Field(min_length=1, max_length=300, examples=["docker.io/library/nginx:1.29"])]


class Body(BaseModel):
    """A request's."""

    model_config = ConfigDict(extra="forbid")


class Registered(Body):
    """An experiment, or a game day, of a repository that is followed."""

    name: Name
    repository: Name | None = None
    """Its address, or the last part of it; needed only where two repositories have one of that name."""


class AdHoc(Body):
    """An experiment from a few words, as the form in Prefect takes it."""

    scenario: Scenario
    intensity: Intensity = "medium"
    hold: Hold | None = None
    image: Image | None = None
    app: Annotated[str, Field(max_length=1000)] | None = None
    """A directory of the machine that runs it; the demo shop when there is no image either."""
    sandbox: ProviderName = "local"
    command: Annotated[str, Field(max_length=1000)] | None = None
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = 8000
    path: Annotated[str, StringConstraints(pattern="^/[^ ]*$", max_length=1000)] = "/"
    dependency: Annotated[str, Field(max_length=300)] | None = None


class ManifestText(Body):
    """An experiment as its manifest says: of an image, or of the demo shop (`app: .`)."""

    yaml: Yaml


class Start(Body):
    """What to carry out: exactly one of `experiment`, `ad_hoc`, `manifest`, `game_day`."""

    experiment: Registered | None = None
    ad_hoc: AdHoc | None = None
    manifest: ManifestText | None = None
    game_day: Registered | None = None
    hold: Hold | None = None
    """Of an experiment: how long each step is held, whatever its manifest says."""
    intensity: Intensity | None = None
    seed: Seed | None = None
    anytime: Annotated[bool, Field(strict=True)] = False
    """Of a game day: though it is outside of its windows."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        kinds = ("experiment", "ad_hoc", "manifest", "game_day")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of {', '.join(kinds)} is needed; got {' and '.join(given) or 'none'}"
            )
        fit = {"experiment": ("hold", "intensity", "seed"), "game_day": ("anytime",)}.get(given[0], ("seed",))
        if vain := [
            name
            for name in ("hold", "intensity", "seed", "anytime")
            if name in self.model_fields_set - set(fit)
        ]:
            raise ValueError(f"{given[0]} takes no {' and no '.join(vain)} beside it")
        return self


class Again(Body):
    """How a run is repeated."""

    same_seed: Annotated[bool, Field(strict=True)] = False


class Stop(Body):
    """Why something is stopped or halted; it goes into the result."""

    reason: Reason = ""


class Opened(Body):
    """A run that a worker elsewhere is going to deliver."""

    experiment: Name
    flow_run: Annotated[str, Field(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None
    folder: Annotated[str, Field(max_length=4000)] | None = None
    """Where it is on the worker's machine."""
    machine: Name | None = None
    fingerprint: Annotated[str, Field(max_length=64)] | None = None
    """SHA-256 of machine-id and boot-id: on the same machine a readable folder is read, and nothing copied."""
    version: Annotated[str, Field(max_length=60)] | None = None

    def note(self, run_id: str, by: str, *, here: bool) -> Note:
        """The same as it is kept."""
        return Note(
            run_id=run_id,
            experiment=self.experiment,
            by=by,
            flow_run=self.flow_run,
            machine=inert(self.machine) if self.machine else None,
            folder=self.folder,
            version=inert(self.version) if self.version else None,
            here=here,
            opened_ms=round(time.time() * 1000),
        )


class Login(Body):
    """A token, in exchange for a cookie."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class Sync(Body):
    """How a repository is brought in line."""

    dry_run: Annotated[bool, Field(strict=True)] = False
    """Say what would be done, and do nothing."""


class Delivered(Body):
    """All of a run has been sent."""

    journal_bytes: Annotated[int, Field(ge=0, le=2**40, strict=True)]
    journal_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Check(Body):
    """Manifests to look at."""

    yaml: Yaml


class Suspend(Body):
    """Whether the schedule of an experiment rests."""

    suspended: Annotated[bool, Field(strict=True)]


class Decision(Body):
    """The answer to what a game day asks."""

    go: Annotated[bool, Field(strict=True)]
    why: Reason = ""


class MissionStart(Body):
    """A start in the words of the mission."""

    scenario: Scenario
    image: Image | None = None
    intensity: Intensity = "medium"
    duration: Annotated[int, Field(ge=1, le=86_400, strict=True)] | Hold | None = None
    """How long the fault is held: seconds, or `60s`."""
    sandbox: ProviderName | None = None
    command: Annotated[str, Field(max_length=1000)] | None = None
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = None
    path: Annotated[str, StringConstraints(pattern="^/[^ ]*$", max_length=1000)] = "/"
    dependency: Annotated[str, Field(max_length=300)] | None = None
