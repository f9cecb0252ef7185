"""What bash runs in a microVM for each verb; pure text. Sent twice each has the effect of once, but for `run`."""

import shlex
from collections.abc import Sequence

MISSING = "chaoslab: not in this sandbox: "

# Its group is its pid, so that it can be ended with all it started: envd's own kill takes one process only.
_RUN = f"""
command -v -- "$1" >/dev/null 2>&1 || {{ echo "{MISSING}$1" >&2; exit 127; }}
read -r _ _ _ _ group _ < /proc/$$/stat
[ "$group" = $$ ] && exec "$@" </dev/null
exec setsid "$@" </dev/null
"""

# The claim is made by one attempt only (noclobber); it holds the pid, and the last line how it ended.
_START = """
( set -C; echo $$ > {claim} ) 2>/dev/null || exit 0
renice -n -10 $$ >/dev/null 2>&1
{forget}"$@" >> {output} 2>&1 <{given}
echo $? > {folder}/ended-$$.part
mv {folder}/ended-$$.part {folder}/ended-$$
"""

# Only this shell, which then becomes the command, has the file open; it removes the directory that it lies in.
_FORGET = """sh -c 'rm -rf -- "$0"; exec "$@"' """

# A link fails where there is something already; whose it is, is seen by the file itself, though an answer was lost.
_CLAIM = """
chmod {mode:o} {part} && {{ ln {part} {path} 2>/dev/null; [ {part} -ef {path} ]; }}
"""

# When it is not there any more an earlier attempt has put it into its place.
_PLACE = """
[ ! -e {part} ] || {{ chmod {mode:o} {part} && mv -f {part} {path}; }}
"""

_UNPACK = """
[ ! -e {part} ] || {{ mkdir -p {path} && tar -xf {part} -C {path} && rm -f {part}; }}
"""

_PREPARE = """
for python in python3 python3.13 python3.12 python3.11; do
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exec "$python" -I -S -c "$@"
done
echo "the template has no Python 3.11 or later, which runs our agent: name another one in sandbox.template" >&2
exit 1
"""


def run(argv: Sequence[str]) -> str:
    """A command, as the only one of its group."""
    return _with(argv, _RUN)


def start(argv: Sequence[str], *, claim: str, output: str, folder: str, given: str | None = None) -> str:
    """A command in the background: its output appended to a file, its pid in `claim`, its end in a file, too.

    `given` is a file that becomes its standard input; it has no name any more when the command begins.
    """
    names = {"claim": shlex.quote(claim), "output": shlex.quote(output), "folder": folder}
    forget = f"{_FORGET}{shlex.quote(given.rpartition('/')[0])} " if given else ""
    return _with(argv, _START.format(**names, given=shlex.quote(given or "/dev/null"), forget=forget))


def private(folder: str) -> str:
    """A directory that only its owner enters; it may be there already."""
    return f"mkdir -p -m 700 {shlex.quote(folder)}"


def end_group(pid: int) -> str:
    """End a command with all it started."""
    return f"kill -KILL -- -{pid}"


def place(part: str, path: str, mode: int, *, exclusive: bool) -> str:
    """Move a file to its place at once; an exclusive one only when there is none, else exit code 1."""
    script = _CLAIM if exclusive else _PLACE
    return script.format(part=shlex.quote(part), path=shlex.quote(path), mode=mode)


def unpack(part: str, path: str) -> str:
    """Unpack a tar archive into a directory."""
    return _UNPACK.format(part=shlex.quote(part), path=shlex.quote(path))


def prepare(program: str, wish: str) -> str:
    """Run our program with the guest's own Python."""
    return _with([program, wish], _PREPARE)


def _with(argv: Sequence[str], script: str) -> str:
    return f"set -- {shlex.join(argv)}\n{script}"
