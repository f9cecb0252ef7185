"""Post-receive hook of a bare repository: the output of a push shows the result of the sync."""

import shlex
from pathlib import Path

from chaos.errors import ChaosLabError

_MARK = "# written by `chaoslab gitops install-hook`"
_HOOK = """\
#!/bin/sh
{mark}
# Standard input: one line a ref that was pushed, "old new ref".
pushed=no
while read -r old new ref; do
    [ "$ref" = refs/heads/{branch} ] && pushed=yes
done
[ "$pushed" = yes ] || exit 0
unset GIT_DIR GIT_QUARANTINE_PATH
cd / && {environment}exec {command}
"""


class HookError(ChaosLabError):
    """The hook cannot be put there."""

    exit_code = 2


def install(repository: Path, command: list[str], branch: str, environment: dict[str, str]) -> Path:
    """Write the hook, or write it anew when it is ours; its path. Raises HookError."""
    folder = repository / "hooks" if (repository / "HEAD").is_file() else repository / ".git/hooks"
    if not (folder.parent / "HEAD").is_file():
        raise HookError(f"{repository}: no git repository; name a bare one, such as /srv/git/experiments.git")
    hook = folder / "post-receive"
    if hook.exists() and _MARK not in hook.read_text(errors="replace"):
        raise HookError(f"{hook}: another hook is there; call `{shlex.join(command)}` from it instead")
    values = "".join(f"{name}={shlex.quote(value)} " for name, value in sorted(environment.items()))
    text = _HOOK.format(mark=_MARK, branch=branch, environment=values, command=shlex.join(command))
    try:
        folder.mkdir(exist_ok=True)
        hook.write_text(text)
        hook.chmod(0o755)
    except OSError as error:
        raise HookError(f"{hook}: cannot be written: {error.strerror}") from error
    return hook
