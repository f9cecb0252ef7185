"""An experiment: hypothesis, method and judgement."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chaos.manifests.models.base import Argument, DnsLabel, HeaderName, HeaderValue, Manifest, Part
from chaos.manifests.models.cron import checked_cron, checked_timezone
from chaos.manifests.models.method import Step
from chaos.manifests.models.observing import SteadyState, StopCondition
from chaos.manifests.models.target import Target
from chaos.manifests.models.trials import Trials
from chaos.sandboxes.local.spec import LocalSandbox
from chaos.sandboxes.union import AnySandbox
from chaos.statistics.binomial import SIGNIFICANCE
from chaos.units import Duration, PositiveDuration, Rate, Share

CONNECTIONS = 256
"""Most connections of a load when it does not say."""


class Load(Part):
    """Requests to the app at arrival times drawn beforehand, however slowly it answers."""

    url: str
    """Plain http:// URL as seen from inside the sandbox."""
    rate: Rate
    """Requests begun per second, in the mean."""
    arrivals: Literal["poisson", "uniform"] = "poisson"
    """`poisson`: at random times drawn by the seed, independent of each other, as users come. `uniform`: evenly spaced,
    and so in step with whatever has that period: a round robin, a timer, a garbage collection."""
    timeout: PositiveDuration = 2.0
    """Time for the whole answer; a later one counts as an error."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """Request method."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Request headers."""
    body: Argument | None = None
    """Request body, sent as UTF-8."""
    connections: Annotated[int, Field(ge=1, le=4096)] | Literal["reuse", "new", "mix"] = "mix"
    """Whether a request goes over an open connection: `reuse` when one is free, `new` never, `mix` draws for each by
    the seed. A number is `mix` with that number as `maxConnections`."""
    max_connections: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Most connections open at once, 256 by default; a request that finds none free waits for one, and times out."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if isinstance(self.connections, int) and self.max_connections is not None:
            raise ValueError("connections is a number, and so is maxConnections: write the number there only")
        return self

    @property
    def limit(self) -> int:
        """Most connections open at once."""
        said = self.connections if isinstance(self.connections, int) else self.max_connections
        return CONNECTIONS if said is None else said


class Phases(Part):
    """How long to look before and after."""

    warmup: Duration = 0.0
    """Between ready and the baseline: load and probes run, and nothing of it is judged."""
    baseline: PositiveDuration = 10.0
    """Before the first fault; when the app is not steady here, nothing is injected."""
    recovery: PositiveDuration = 30.0
    """After the last fault."""


class BlastRadius(Part):
    """Upper bound of the harm this file may do."""

    max_hold: PositiveDuration = 300.0
    """Longest that any fault may be held."""


class Analysis(Part):
    """Who puts the numbers into words."""

    analyzer: Literal["auto", "groq", "llm", "rules"] = "auto"
    """`groq` needs GROQ_API_KEY; `llm` needs LLM_BASE_URL and LLM_MODEL; `rules` needs nothing; `auto` is groq with
    a key, else llm with an address, else rules."""


class Schedule(Part):
    """When to run by itself."""

    cron: Annotated[str, AfterValidator(checked_cron)]
    """Five fields: minute, hour, day of month, month, day of week."""
    timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"
    """IANA name, such as Europe/Berlin."""


class ExperimentSpec(Part):
    """What is believed, what is done, and what is looked at."""

    hypothesis: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    """The sentence that this experiment tries to disprove."""
    sandbox: AnySandbox = LocalSandbox()
    """The disposable machine to run it in."""
    target: Target
    """The app under experiment."""
    load: Load | None = None
    """Requests sent during the whole run; metrics of latency, errors and throughput come from it."""
    steady_state: Annotated[tuple[SteadyState, ...], Field(min_length=1, max_length=50)]
    """What the app does when it is well."""
    significance: Annotated[Share, Field(gt=0, le=0.5)] = SIGNIFICANCE
    """How often the run may call deviated what is within its bounds by chance, over all its steady states and trials
    together; and how often held what is twice as bad as they allow."""
    method: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    """What is done to it, one step after the other."""
    phases: Phases = Phases()
    """How long to look before and after."""
    trials: Trials = 1
    """How often to do it all, each time in a fresh sandbox; the verdict is about all of them together.
    `until decided (max 40)` ends as soon as they have one."""
    control: bool = False
    """Beside each trial, before or after it, the same without any fault: what happens there too is not the fault's."""
    stop_when: Annotated[tuple[StopCondition, ...], Field(max_length=20)] = ()
    """What ends the run early."""
    blast_radius: BlastRadius = BlastRadius()
    """Upper bound of the harm."""
    analysis: Analysis = Analysis()
    """Who puts the numbers into words."""
    dashboard: Annotated[str, StringConstraints(pattern=r"^[^\x00]+\.j2$", max_length=500)] | None = None
    """A template of your own for the Grafana dashboard, relative to this file: a Jinja file ending in `.j2`."""
    schedule: Schedule | None = None
    """When to run by itself; without it, only when asked."""
    on_push: bool = True
    """Run it once by itself when a push has changed what it does."""
    depends_on: Annotated[tuple[DnsLabel, ...], Field(max_length=50)] = ()
    """Experiments of the same repository whose runs after a push come first; it runs only when they held."""
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    """How often to try again to open the sandbox. An injection is never repeated."""
    suspend: bool = False
    """Keep it in the repository, but do not run it by itself."""


class Experiment(Manifest):
    """One chaos experiment."""

    kind: Literal["Experiment"]
    """What this file describes."""
    spec: ExperimentSpec
    """The experiment itself."""
