"""Make a new machine ready for its processes: the app's files and its setup commands, there or already in its template.

Where a provider keeps what setup makes (an E2B template), only the files that setup does not read are brought to each
machine; everywhere else all of them are, and the commands run there.
"""

import json
import shlex
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from chaos.errors import TargetError
from chaos.planning import app_source as app_files
from chaos.planning.agent_spec import APP, FOLDER, wall_of
from chaos.planning.plan import Plan
from chaos.planning.secret_files import sentence
from chaos.run_spec.codec import encode
from chaos.run_spec.model import AloneSpec
from chaos.run_spec.secrets import known
from chaos.runner import agent_bundle as bundle
from chaos.runner.setup_words import said
from chaos.sandboxes import Sandbox, Setup
from chaos.sandboxes.support.facts import facts_of
from chaos.sandboxes.union import SPECS
from chaos.settings import Settings
from chaos.text.masker import Masker


def setup_of(plan: Plan) -> Setup | None:
    """What must be done before its processes start, and the files that this reads. Raises TargetError."""
    commands = tuple(tuple(command) for command in plan.work.setup)
    if not commands:
        return None
    if plan.app is None:
        return Setup(commands, b"")
    names = [name for name in app_files.names(Path(plan.app)) if name not in plan.left_out]
    for pattern in plan.work.setup_files:
        if not any(reads([pattern], name) for name in names):
            if any(reads([pattern], name) for name in plan.left_out):
                why = f"'{pattern}' was left out: it looks like a secret, and git does not track it"
            else:
                why = f"'{pattern}' is no file of the app"
            raise TargetError(f"{plan.name}: setupFiles: {why}")
    return Setup(commands, _archive(plan, read=True))


async def set_up(plan: Plan, box: Sandbox) -> None:
    """Put the app's files in and run its setup commands, unless its template has done so. Raises TargetError."""
    is_done = facts_of(box.ref).set_up
    if plan.app is not None:
        await box.unpack(APP, _archive(plan, read=False) if is_done else _archive(plan))
    if is_done:
        return
    for command in plan.work.setup:
        argv = await behind_the_wall(box, command, user=plan.work.user)
        done = await box.run(argv, cwd="/", timeout_s=plan.sandbox.ttl)
        if done.exit_code != 0:
            networked = "egress" in SPECS[plan.sandbox.type].provides
            masked = Masker(
                known(plan.work)
            )  # before anything is shortened: half a secret is not known as one
            wrote = masked(done.stderr), masked(done.stdout.decode(errors="replace"))
            words = said(*wrote, has_network=networked) or "it wrote nothing"
            hint = f"; {left_out}" if (left_out := sentence(plan.left_out, plan.work)) else ""
            what = masked(shlex.join(command))
            raise TargetError(f"setup {what}: exit code {done.exit_code}: {words}{masked(hint)}")


async def behind_the_wall(box: Sandbox, command: Sequence[str], *, user: str = "") -> list[str]:
    """What runs that command as the app, kept apart from all that is ours, to its end and that of all it started."""
    await box.put(f"{FOLDER}/agent.pyz", bundle.build())
    facts = facts_of(box.ref)
    wall = wall_of(facts, may_lack=Settings().chaoslab_allow_degraded)
    own = {"user": user, "cwd": facts.app}
    wish = encode(AloneSpec(keep_ids=wall.keep_ids, image=wall.image, may_lack=wall.may_lack, **own))
    return [box.python, "-I", "-S", f"{FOLDER}/agent.pyz", "behind-the-wall", json.dumps(wish), *command]


def _archive(plan: Plan, *, read: bool | None = None) -> bytes:
    """The app's files as a tar: those that setup reads, the others, or (None) all. Raises TargetError."""
    patterns, left_out = plan.work.setup_files, set(plan.left_out)

    def wanted(name: str) -> bool:
        return name not in left_out and (read is None or reads(patterns, name) is read)

    try:
        return app_files.archive(Path(str(plan.app)), wanted)
    except OSError as error:
        raise TargetError(f"{plan.app}: cannot read the app: {error.strerror}") from error


def reads(patterns: Sequence[str], name: str) -> bool:
    """Whether setup reads the file of that name, relative to the app's directory; without patterns it reads all."""
    return not patterns or any(fnmatch(name, each) or name.startswith(f"{each}/") for each in patterns)
