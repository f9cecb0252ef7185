"""Ad-hoc experiment: from a few values, without a file, the manifest that an author would have written.

It is read like any other, so that nothing is allowed here that a file is not. Kept beside the run's result, it can be
taken into the repository as it is.
"""

import shlex
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded, experiments, load_bytes
from chaos.manifests.models.base import API_VERSION
from chaos.manifests.overriding import Intensity
from chaos.manifests.places import repository
from chaos.sandboxes.names import ProviderName
from chaos.units import DURATION

SCENARIOS = tuple(sorted(FAULTS))

_PACKAGE = Path(__file__).parents[1]
SHOP = packaged if (packaged := _PACKAGE / "_shop").is_dir() else _PACKAGE.parent / "experiments/apps/shop"
"""The demo app, as the wheel holds it or a checkout."""
_MAIN = "web"
_OF_A_PROCESS = {"process_kill", "process_pause", "process_stop", "crash_loop"}
"""Nothing answers while its process is away: what counts is that it answers again."""
_OF_A_DEPENDENCY = {
    "blackhole", "connection_refused", "connection_reset", "dependency_failure", "dns_failure", "http_fault",
}  # fmt: skip
_SHORTEST_S, _MARGIN_S, _LONG = 5.0, 2.0, "120s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person says."""

    scenario: str
    """The type of the fault."""
    intensity: Intensity = "medium"
    hold: str | None = None
    """Such as `10s`; as long as the fault needs to be measured, and 5 s at least, when it is left out."""
    app: str | None = None
    """A directory of this machine; the demo shop when there is no image either."""
    image: str | None = None
    command: str | None = None
    """How the app is started, in its directory, such as `python3 web.py`. An image may bring its own."""
    port: int = 8000
    """Where it answers HTTP."""
    path: str = "/"
    """What it is asked for; 200 is well."""
    dependency: str | None = None
    """What a fault of a dependency takes away: `host` or `host:port`."""
    sandbox: ProviderName = "local"


def written(wish: Wish) -> Loaded:
    """The experiment that is wished for, read from the manifest that is written for it. Raises ManifestError."""
    if wish.scenario not in FAULTS:
        raise ManifestError(f"scenario: unknown '{wish.scenario}'; known: {', '.join(SCENARIOS)}")
    if wish.app and wish.image:
        raise ManifestError("app and image: write one of the two")
    wish = wish if wish.app or wish.image else _at_the_shop(wish)
    folder = _folder(wish)
    if wish.hold is None:
        fault = _read(replace(wish, hold=_LONG), folder).manifest.spec.method[0].fault
        needed_s = max(_SHORTEST_S, getattr(fault, "over", 0.0) + _MARGIN_S, fault.minimum_hold_s())
        wish = replace(wish, hold=DURATION.format(float(ceil(needed_s))))
    return _read(wish, folder)


def text_of(loaded: Loaded) -> str:
    """Its manifest, for whoever wants to keep it."""
    return yaml_of(loaded.tree.data)


def _read(wish: Wish, folder: Path | None) -> Loaded:
    file = (folder or Path.cwd()) / f"{_name(wish)}.yaml"  # never written: what its `app` is relative to
    loaded, wrong = load_bytes(yaml_of(_manifest(wish)).encode(), file, folder and repository(file))
    if wrong:
        raise ManifestError(*(replace(each, file="ad hoc") for each in wrong))
    return replace(experiments(loaded)[0], file="ad hoc")


def yaml_of(manifest: Any) -> str:
    """As an author would write it."""
    text: str = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=110)
    return text


def _at_the_shop(wish: Wish) -> Wish:
    if wish.command or wish.dependency:
        raise ManifestError("command and dependency belong to an app or image of yours; name that as well")
    return replace(wish, app=str(SHOP), command="python3 web.py", port=8000, path="/checkout")


def _folder(wish: Wish) -> Path | None:
    """The app's directory. Raises ManifestError."""
    if wish.app is None:
        return None
    folder = Path(wish.app).expanduser().absolute()
    if not folder.is_dir():
        raise ManifestError(f"app: {wish.app} is no directory of this machine")
    if not wish.command:
        raise ManifestError("command: say how the app is started, such as python3 web.py")
    return folder


def _manifest(wish: Wish) -> dict[str, Any]:
    fault, hold = _fault(wish), str(wish.hold)
    url = f"http://127.0.0.1:{wish.port}{wish.path}"
    what = f"{_called(wish)} answers GET {wish.path}"
    again = wish.scenario in _OF_A_PROCESS
    judged = f"again within 5s of {wish.scenario}" if again else f"while {wish.scenario} is held for {hold}"
    return {
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "metadata": {"name": _name(wish), "labels": {"app": _called(wish), "ad-hoc": "true"}},
        "spec": {
            "hypothesis": f"{what} {judged} (intensity {wish.intensity}).",
            "sandbox": {"type": wish.sandbox},
            "target": _target(wish),
            "load": {"url": url, "rate": "50/s"},
            "steadyState": _afterwards(url) if again else _throughout(url),
            "method": [{"name": wish.scenario.replace("_", " "), "fault": fault, "hold": hold}],
            "phases": {"baseline": "3s", "recovery": "6s" if again else "3s"},
            "blastRadius": {"maxHold": hold},
        },
    }


def _target(wish: Wish) -> dict[str, Any]:
    url = f"http://127.0.0.1:{wish.port}{wish.path}"
    # an open port is not yet an answer: workers of a server that forks are started behind it
    main: dict[str, Any] = {
        "name": _MAIN,
        "port": wish.port,
        "ready": {"type": "http", "url": url},
        "restart": "always",
    }
    if wish.command:
        main["command"] = _split(wish.command)
    if wish.app != str(SHOP):
        return {**({"app": "."} if wish.app else {"image": wish.image}), "processes": [main]}
    inventory = {"name": "inventory", "command": ["python3", "inventory.py"], "port": 9000}
    main["env"] = {"INVENTORY_URL": "http://inventory:9000"}
    return {"app": ".", "processes": [inventory, main]}


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ManifestError(f"command: {command!r} is no command: {error}") from error


def _throughout(url: str) -> list[dict[str, Any]]:
    # So often that a short hold has looks enough to exclude twice the budget: docs/bounds.md.
    answers = {"probe": {"type": "http", "url": url, "every": "20ms"}, "tolerance": {"status": 200}}
    served = {"probe": {"type": "metric", "metric": "error_rate"}, "tolerance": {"max": "5%"}}
    return [{"name": "answers", **answers, "budget": "5%"}, {"name": "every request is served", **served}]


def _afterwards(url: str) -> list[dict[str, Any]]:
    answers = {"probe": {"type": "http", "url": url, "every": "50ms"}, "tolerance": {"status": 200}}
    return [{"name": "answers again", **answers, "holds": "afterwards", "recoverWithin": "5s"}]


def _fault(wish: Wish) -> dict[str, Any]:
    """The fault with its preset, aimed at the app's main process, or at what the app depends on."""
    fault = {"type": wish.scenario, "intensity": wish.intensity}
    fields = FAULTS[wish.scenario].__dataclass_fields__
    if wish.scenario not in _OF_A_DEPENDENCY:
        return {**fault, "process": _MAIN} if "process" in fields else fault
    if wish.app == str(SHOP):
        return {**fault, **({"process": "inventory"} if "process" in fields else {"host": "inventory"})}
    if not wish.dependency:
        raise ManifestError(
            f"dependency: {wish.scenario} takes away what the app depends on; say what, such as db.internal:5432"
        )
    host, _, port = wish.dependency.partition(":")
    where: dict[str, Any] = {"host" if "host" in fields else "peer": host}
    if port and "port" in fields:
        where["port"] = int(port) if port.isdigit() else port
    return {**fault, **where}


def _called(wish: Wish) -> str:
    """A word for the app, as labels allow it."""
    word = Path(wish.app).name if wish.app else str(wish.image).rpartition("/")[2].partition("@")[0]
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in word.lower())
    return kept.strip("-")[:30] or "app"


def _name(wish: Wish) -> str:
    return f"ad-hoc-{wish.scenario.replace('_', '-')}"
