"""The app under experiment: its files and its processes."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from chaos.manifests.models.base import Argument, Command, DnsLabel, EnvName, Image, Part, Port, User
from chaos.probes.command import CommandProbe
from chaos.probes.http import HttpProbe
from chaos.probes.tcp import TcpProbe
from chaos.units import PositiveDuration

ReadyProbe = Annotated[HttpProbe | TcpProbe | CommandProbe, Discriminator("type")]


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise PydanticCustomError("inside", "must stay inside the app's directory: no leading '/', no '..'")
    return path


class SecretValue(Part):
    """A value from the environment of whoever carries out the run, instead of one in the manifest."""

    secret: EnvName
    """Name of the variable there. It must be set when the run begins; its value is shown nowhere."""


def _kind_of_value(value: object) -> str:
    """The tag of the member; in brackets, as pydantic's own `[key]`, because it is no step of a path."""
    return "[secret]" if isinstance(value, dict | SecretValue) else "[text]"


Value = Annotated[
    Annotated[Argument, Tag("[text]")] | Annotated[SecretValue, Tag("[secret]")],
    Discriminator(_kind_of_value),
]


class Process(Part):
    """One process of the app, supervised for the whole run."""

    name: DnsLabel
    """How probes and faults refer to it."""
    command: Command | None = None
    """Program and arguments; no shell is involved. Of an `image`, what the image itself runs when it is left out."""
    port: Port | None = None
    """The port it listens on."""
    env: dict[EnvName, Value] = Field(default={})
    """Environment variables, on top of a small clean environment: text, or `{secret: NAME}` for a value that is taken
    from the environment of whoever carries out the run."""
    cwd: Annotated[Argument, AfterValidator(_inside)] = "."
    """Directory to start in, relative to the app's."""
    ready: ReadyProbe | None = None
    """When it counts as ready: the first good answer. Without it, as soon as its port, if any, accepts."""
    ready_within: PositiveDuration = 30.0
    """Time to become ready; a process that takes longer ends the run before anything is injected."""
    user: User | None = None
    """Who it runs as: a name or an id, either with `:GROUP`; root, or what its image says, when left out. A name that
    the sandbox does not know gets an account there. Programs such as PostgreSQL refuse to run as root."""
    restart: Literal["never", "on-failure", "always"] = "never"
    """What to do when it ends: nothing, start it again unless it exited 0, or start it again."""
    leftovers: Literal["kill", "keep"] = "kill"
    """What becomes of the rest of its tree (all that its command started, daemons included) when its main process is
    over: it is killed before anything is started again, as in a container, a pod or a systemd unit; or it goes on, and
    the result says so."""


class Target(Part):
    """The app under experiment: its files (`app` or `image`) and its processes."""

    app: Annotated[Argument, Field(min_length=1)] | None = None
    """Directory relative to this file, copied into the sandbox; never outside the repository."""
    image: Image | None = None
    """Container image such as docker.io/library/nginx:1.29, instead of `app`."""
    setup: Annotated[tuple[Command, ...], Field(max_length=100)] = ()
    """Commands to run in the app's directory, in order, before any process starts. On `e2b` they run once, when the
    template is built, where there is internet."""
    setup_files: Annotated[
        tuple[Annotated[Argument, AfterValidator(_inside)], ...], Field(max_length=100)
    ] = ()
    """Files of the app that `setup` reads: names, patterns such as `requirements*.txt`, or directories; all by default.
    On `e2b` a change of any other file needs no new template."""
    user: User | None = None
    """Who setup, and every process that does not say otherwise, runs as: see a process's own."""
    processes: Annotated[tuple[Process, ...], Field(min_length=1, max_length=50)]
    """What runs, started in this order, each when the one before is ready."""

    def secrets(self) -> list[str]:
        """Names of what processes take from the environment of whoever carries out the run."""
        values = (value for process in self.processes for value in process.env.values())
        return [value.secret for value in values if isinstance(value, SecretValue)]

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.app is None and self.image is None:
            raise PydanticCustomError("origin", "has neither 'app' nor 'image'; write one of them")
        if self.app is not None and self.image is not None:
            raise PydanticCustomError("origin", "has both 'app' and 'image'; write one of them")
        for process in self.processes:
            if process.command is None and self.image is None:
                message = "process '{name}' has no 'command'; only an image brings its own"
                raise PydanticCustomError("command", message, {"name": process.name})
        return self
