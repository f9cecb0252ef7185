"""A game day: experiments of one repository in stages, with one purpose."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints

from chaos.manifests.models.base import DnsLabel, Manifest, Part, TimeOfDay, Title
from chaos.manifests.models.calendar import checked_date, checked_weekdays
from chaos.manifests.models.cron import checked_cron, checked_timezone
from chaos.manifests.models.observing import Watched
from chaos.probes.http import HttpProbe
from chaos.probes.tcp import TcpProbe
from chaos.units import PositiveDuration

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]


class Entry(Part):
    """One experiment of the day."""

    name: DnsLabel
    """The name of an experiment of the same repository."""
    hold: PositiveDuration | None = None
    """How long every step of it is held on this day; as its own manifest says when not given."""
    intensity: Literal["low", "medium", "high"] | None = None
    """The preset of every step on this day, in place of its manifest's numbers."""
    on_deviation: Literal["stop", "continue"] | None = None
    """Whether the day goes on when it deviates; the day's own `onDeviation` when not given."""
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """What it counts in the day's resilience score, beside the others."""
    follow_up: DnsLabel | None = None
    """An experiment to run at once when it deviates, before the day stops or goes on."""


class FromOutside(Watched):
    """A probe that looks from where the day is carried out, not from inside a sandbox."""

    probe: Annotated[HttpProbe | TcpProbe, Discriminator("type")]
    """What to look at, at least once a second: `http` or `tcp`."""


class DayStop(FromOutside):
    """Ends the whole day, as aborted, when the tolerance is broken for so long; what runs then is ended, too."""

    lasting: PositiveDuration = Field(default=3.0, alias="for")
    """How long the values must stay out of tolerance."""


class ByVerdicts(Part):
    """Go on when the stage taught what it should."""

    type: Literal["verdicts"]
    """By what its experiments came to."""
    require: Literal["held", "not-deviated"] = "held"
    """`held`: every one held; `not-deviated`: an inconclusive one does not end the day."""


class ByProbe(FromOutside):
    """Go on when something outside is well."""

    type: Literal["probe"]
    """By looking at it."""
    lasting: PositiveDuration = Field(default=3.0, alias="for")
    """How long the values must stay in tolerance."""
    within: PositiveDuration = 60.0
    """When they have not by then, the day ends."""


class ByApproval(Part):
    """Go on when a person says so."""

    type: Literal["approval"]
    """By a person, on the day's page in the Prefect UI."""
    question: Prose = "Shall the game day go on?"
    """What that person is asked."""
    within: PositiveDuration = 3600.0
    """When nobody has answered by then, the day ends."""


AnyGate = Annotated[ByVerdicts | ByProbe | ByApproval, Discriminator("type")]


class Stage(Part):
    """Experiments that belong together."""

    name: Title
    """One line, unique in this file."""
    experiments: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=100)]
    """What to run; in this order, when not all at once."""
    parallel: Annotated[int, Field(ge=1, le=20)] = 1
    """How many of them at once."""
    go_no_go: Annotated[tuple[AnyGate, ...], Field(max_length=5)] = ()
    """What must say `go`, one after the other, before the next stage; the first that does not ends the day."""


class Window(Part):
    """A time of the week in which the day may run."""

    days: Annotated[str, AfterValidator(checked_weekdays)] = "*"
    """Days on which it begins, such as `mon-fri` or `sat,sun`."""
    since: TimeOfDay = Field(default="00:00", alias="from")
    """First minute of it, such as 09:00."""
    until: TimeOfDay = "24:00"
    """Its end, such as 17:00; of the next day, when not later than `from`."""


class Blackout(Part):
    """Dates on which the day may not run."""

    since: Annotated[str, AfterValidator(checked_date)] = Field(alias="from")
    """The first date, such as 2026-12-20."""
    until: Annotated[str, AfterValidator(checked_date)] | None = None
    """The last date; the first one when not given."""
    why: Title | None = None
    """What is said when a day is refused."""


class DaySchedule(Part):
    """When it runs by itself, and when it may run at all."""

    cron: Annotated[str, AfterValidator(checked_cron)] | None = None
    """Five fields: minute, hour, day of month, month, day of week. Without it, only when somebody starts it."""
    timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"
    """IANA name, such as Europe/Berlin; of the cron, the windows and the blackouts."""
    windows: Annotated[tuple[Window, ...], Field(max_length=50)] = ()
    """When it may run, whoever starts it; always, when there is none. Outside of them no experiment is begun."""
    blackouts: Annotated[tuple[Blackout, ...], Field(max_length=200)] = ()
    """When it may not, windows or not."""


class GameDaySpec(Part):
    """Why, who, when, and what in which order."""

    purpose: Prose
    """What the people of this day want to learn."""
    participants: Annotated[tuple[Title, ...], Field(max_length=200)] = ()
    """Who takes part; kept in the report."""
    notes: Prose | None = None
    """Anything that should be read beside the results; kept in the report."""
    schedule: DaySchedule = DaySchedule()
    """When it runs."""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=50)]
    """What is run, one stage after the other."""
    on_deviation: Literal["stop", "continue"] = "stop"
    """Whether the day goes on when an experiment deviates. What runs beside it is let to its end."""
    follow_ups: Annotated[tuple[Entry, ...], Field(max_length=100)] = ()
    """How a `followUp` runs, when not as its own manifest says; by its name."""
    stop_when: Annotated[tuple[DayStop, ...], Field(max_length=20)] = ()
    """What ends the whole day early."""
    suspend: bool = False
    """Keep it in the repository, but do not run it by itself."""


class GameDay(Manifest):
    """Experiments in order, with one purpose."""

    kind: Literal["GameDay"]
    """What this file describes."""
    spec: GameDaySpec
    """The day itself."""
