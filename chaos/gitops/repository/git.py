"""Git command line, as a tool for repositories of strangers: nothing of theirs is run, nothing outside is read.

What is switched off and why: hooks, submodules, fsmonitor and every transport but https, ssh and file could run or
reach something; the user's and the system's configuration could say anything; prompts would wait for nobody;
automatic maintenance would run beside us. `fetch.fsckObjects` refuses trees with `..`, `.git` or absolute names.
"""

import base64
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from chaos.errors import ChaosLabError

_SAFE = {
    "fetch.fsckObjects": "true",
    "transfer.fsckObjects": "true",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "protocol.ext.allow": "never",
    "fetch.recurseSubmodules": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
}
MOST_FETCHED_BYTES = 2**30
_SECRETS_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


class Kind(Enum):
    """A failure that somebody does something about."""

    ABSENT = "what was asked for is not there"
    OVERTAKEN = "somebody else was faster"
    UNADVERTISED = "the server gives what its branches and tags are at, and nothing else"


class GitError(ChaosLabError):
    """A repository could not be read; the message says which and why, without credentials."""

    retryable = True

    def __init__(self, *arguments: object, kind: Kind | None = None) -> None:
        super().__init__(*arguments)
        self.kind = kind


_KINDS = {
    Kind.ABSENT: ("couldn't find remote ref", "no note found"),
    Kind.UNADVERTISED: ("unadvertised object",),
    Kind.OVERTAKEN: ("fetch first", "non-fast-forward", "cannot lock ref", "stale info"),
}
"""Words of git in English (LC_ALL=C): it has no other way to say which failure it is."""


def _kind(said: str) -> Kind | None:
    return next((kind for kind, words in _KINDS.items() if any(each in said for each in words)), None)


class NotThere(GitError):
    """The branch or folder that is to be followed is not there; the message says what is."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Git:
    """git for one bare repository of ours."""

    folder: Path
    token: str | None = None
    """For https, sent as the password of `x-access-token`; GitHub, GitLab and Gitea take it so."""

    def run(
        self, *arguments: str, data: bytes | None = None, lazy: bool = False, timeout_s: float = 60.0
    ) -> bytes:
        """What the command printed. `lazy` lets it fetch blobs that were left out. Raises GitError."""
        limit = f"--fsize={MOST_FETCHED_BYTES}"  # of any file that git writes, so also of a pack it is sent
        argv = ["prlimit", limit, "git", f"--git-dir={self.folder}", *arguments]
        try:
            done = _run(argv, self._environment(lazy), data, timeout_s)
        except OSError as error:
            why = f"cannot run git under prlimit: {error.strerror}; they are in Debian's packages git and util-linux"
            raise GitError(why) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            words = f"git {arguments[0]}: {concealed(said) or f'exit code {done.returncode}'}"
            raise GitError(words, kind=_kind(said))
        return done.stdout

    def _environment(self, lazy: bool) -> Mapping[str, str]:
        options = dict(_SAFE)
        if self.token is not None:
            login = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            options["http.extraHeader"] = f"Authorization: Basic {login}"
        numbered: dict[str, str] = {}
        for index, (key, value) in enumerate(options.items()):
            numbered |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": str(len(options)),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "https:ssh:file",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10",
            **({} if lazy else {"GIT_NO_LAZY_FETCH": "1"}),
            **{key: os.environ[key] for key in ("SSH_AUTH_SOCK", "GNUPGHOME") if key in os.environ},
            **numbered,
        }


def concealed(text: str) -> str:
    """`text` without the user and password of any URL."""
    return _SECRETS_IN_URL.sub("", text)


def _run(
    argv: Sequence[str], env: Mapping[str, str], data: bytes | None, timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run to the end, or end it with all that it started. Raises GitError when it takes too long."""
    with subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(data, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {argv[4]}: no end within {timeout_s:g} s") from error
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)
