"""Git notes: a run's verdict as a line of `refs/notes/chaoslab`, pushed to where the commit came from.

`git log --notes=chaoslab` shows it. Notes of other machines are kept: theirs are fetched first, and a push that another
one got ahead of is tried again on top of it.
"""

from contextlib import suppress

from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import Mirror
from chaos.text.inert import one_line

REF = "refs/notes/chaoslab"
_TRIES = 5
_WHO = ("-c", "user.name=ChaosLab", "-c", "user.email=chaoslab@localhost")


def note(mirror: Mirror, commit: str, line: str) -> None:
    """Add one line to the commit's note. Raises GitError when it cannot be pushed."""
    with mirror.alone():
        if not mirror.has(commit):
            mirror.bring(commit)
        for left in reversed(range(_TRIES)):
            mirror.git.run("update-ref", "-d", REF)
            with suppress(GitError):  # there are none yet
                mirror.bring(f"+{REF}:{REF}")
            mirror.git.run(*_WHO, "notes", f"--ref={REF}", "append", "-m", one_line(line), "--", commit)
            try:
                mirror.git.run("push", "--quiet", *mirror.receive_pack(), "--", "origin", f"{REF}:{REF}")
                return
            except GitError as error:
                if not left or not _overtaken(str(error)):
                    raise


def notes(mirror: Mirror, commit: str) -> list[str]:
    """The lines of a commit's note, as they are at its repository now. Raises GitError."""
    with mirror.alone():
        try:
            mirror.bring(f"+{REF}:{REF}")
            found = mirror.git.run("notes", f"--ref={REF}", "show", "--", commit)
        except GitError as error:
            if "couldn't find remote ref" in str(error) or "no note found" in str(error):
                return []
            raise
    return [line for line in found.decode(errors="replace").splitlines() if line]


def _overtaken(said: str) -> bool:
    return any(word in said for word in ("fetch first", "non-fast-forward", "cannot lock ref", "stale info"))
