"""Templates of strangers: what one may read, how long and how large it may be, and what becomes of the next one."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chaos.errors import ManifestError, PublishError
from chaos.manifests.load import load
from chaos.publish import dashboards
from chaos.publish.templates import renderer
from chaos.run_spec.model import RunSpec
from tests.manifests.a_repository import SMALL, a_manifest
from tests.report.a_run import PLAN

DIVISION = (
    "{% set n = namespace(v=99999, half=1) %}"
    "{% for i in range(19) %}{% set n.half = n.v %}{% set n.v = n.v * n.v %}{% endfor %}{{ n.v % (n.half + 1) }}"
)
"""Of numbers of millions of digits: one instruction of a minute."""


def refused(template: Path) -> str:
    with pytest.raises(PublishError) as caught:
        dashboards.render(template, None, RunSpec.of_journal(PLAN))
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (
            "{\n{% for a in range(99999) %}{% for b in range(99999) %}\n{% endfor %}{% endfor %}",
            ":2",
            "longer",
        ),
        ("{% macro m() %}\n{{ m() }}{% endmacro %}{{ m() }}", ":", "recursion"),
        ('{\n{% include "mine.json.j2" %}', ":2", "recursion"),
        ('\n{{ "x"|center(900000000) }}', ":2", "memory"),
        ('\n{{ range(100000)|join("x"|center(100000)) }}', ":2", "memory"),
        ('{% for i in range(99999) %}{{ "x"|center(999) }}{% endfor %}', "", "makes more than 4 Mi"),
        ("\n{{ range(1000000000)|list }}", ":2", "Range too big"),
        ('\n{{ "x" * 10000000000 }}', ":2", "is for numbers"),
        ('\n{{ "".__class__.__mro__ }}', ":2", "unsafe"),
        ("\n{{ lipsum.__globals__.os.environ }}", ":2", "unsafe"),
        ("{" + "(" * 5000 + ")" * 5000 + "}", "", "JSON"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "", ""),
    ],
)
def test_a_bomb_is_one_error_with_its_line(tmp_path: Path, text: str, line: str, why: str) -> None:
    template = tmp_path / "mine.json.j2"
    template.write_text(text)
    said = refused(template)
    assert said.startswith(f"{template}{line}")
    assert why in said


def started() -> int:
    """The process that draws, with what limits it now."""
    if renderer._current is not None:
        renderer._current.end()
    return renderer._child()._process.pid


def test_a_process_that_stands_still_is_ended_and_the_next_template_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "mine.j2"
    template.write_text('{"title": "a"}')
    pid = started()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(renderer, "STANDS_STILL_S", 0.2)
    assert refused(template).endswith("no answer within 0.2 s")
    assert not Path(f"/proc/{pid}").exists()
    monkeypatch.undo()
    assert dashboards.render(template, None, RunSpec.of_journal(PLAN)) == {"title": "a"}


def test_a_template_is_drawn_however_long_a_busy_machine_takes_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "mine.j2"
    template.write_text('{"title": "a"}')
    monkeypatch.setattr(renderer, "MOST_S", 0.1)
    pid = started()
    os.kill(pid, signal.SIGSTOP)  # it has no processor for long
    later = threading.Timer(1.5, os.kill, (pid, signal.SIGCONT))
    later.start()
    assert dashboards.render(template, None, RunSpec.of_journal(PLAN)) == {"title": "a"}
    later.join()
    monkeypatch.undo()
    started()


def test_one_long_instruction_is_ended_and_the_next_template_is_drawn(tmp_path: Path) -> None:
    bomb, good = tmp_path / "bomb.j2", tmp_path / "good.j2"
    bomb.write_text(DIVISION)
    good.write_text('{"title": {{ experiment|tojson }}}')
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    started()
    assert "takes longer than 2 s of a processor's time" in refused(bomb)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < renderer.MOST_S + 4
    assert dashboards.render(good, None, RunSpec.of_journal(PLAN)) == {"title": PLAN["experiment"]}


@pytest.mark.parametrize(
    "name",
    [
        "../secret.j2",
        "/etc/passwd",
        "inner/below.j2",
        "secret.txt",
        ".env",
        "link.j2",
        "away.j2",
        "pipe.j2",
        "folder.j2",
        "not-there.j2",
        "..",
        "",
    ],
)
@pytest.mark.parametrize("how", ['{% include "NAME" %}', '{% import "NAME" as m %}', '{% extends "NAME" %}'])
def test_only_templates_beside_it_can_be_had(tmp_path: Path, name: str, how: str) -> None:
    team = tmp_path / "team"
    (team / "inner").mkdir(parents=True)
    (team / "folder.j2").mkdir()
    for secret in ("secret.j2", "team/secret.txt", "team/.env", "team/inner/below.j2"):
        (tmp_path / secret).write_text('{"title": "a secret"}')
    (team / "link.j2").symlink_to("secret.txt")
    (team / "away.j2").symlink_to(tmp_path / "secret.j2")
    os.mkfifo(team / "pipe.j2")
    template = team / "mine.json.j2"
    template.write_text("\n" + how.replace("NAME", name))
    assert refused(template).startswith(f"{template}:2: ")


def test_what_lies_beside_it_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "part.j2").write_text('"title": "a part"')
    (tmp_path / "same.j2").symlink_to("part.j2")
    template = tmp_path / "mine.json.j2"
    for name in ("part.j2", "same.j2"):
        template.write_text(f'{{ {{% include "{name}" %}} }}')
        assert dashboards.render(template, None, RunSpec.of_journal(PLAN)) == {"title": "a part"}


def test_a_mistake_in_a_part_is_told_with_the_part_s_line(tmp_path: Path) -> None:
    part = tmp_path / "part.j2"
    part.write_text("\n\n{{ 1 // 0 }}")
    template = tmp_path / "mine.json.j2"
    template.write_text('{% include "part.j2" %}')
    assert refused(template).startswith(f"{part}:3: ")


def test_a_template_that_links_to_no_template_is_refused(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, SMALL + "  dashboard: mine.j2\n")
    (tmp_path / ".env").write_text("A=1")
    (path.parent / "mine.j2").symlink_to(tmp_path / ".env")
    with pytest.raises(ManifestError, match=r"links to \.env, which is no template"):
        load(path)


def test_the_words_of_an_error_are_inert(tmp_path: Path) -> None:
    template = tmp_path / "mine.j2"
    template.write_text('{% include "\x1b[2J\\nHELD\u202e" ~ "x"|center(9999) %}')
    said = refused(template)
    assert said.isprintable()
    assert len(said) <= 1000


def test_one_process_without_keys_draws_all_and_ends_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text('{"title": "a"}')
    look = f"""
import os, pathlib
from chaos.publish import dashboards
from chaos.run_spec.model import RunSpec
from chaos.publish.templates import renderer
dashboards.fleet()
assert renderer._current is None, "ours need no process"
made = set()
for _ in range(3):
    dashboards.render(pathlib.Path({str(tmp_path / "mine.j2")!r}), None, RunSpec())
    made.add(renderer._current._process.pid)
(pid,) = made
proc = pathlib.Path(f"/proc/{{pid}}")
assert (proc / "environ").read_bytes() == b"", "it has an environment"
assert (proc / "cwd").readlink() == pathlib.Path("/")
limits = (proc / "limits").read_text()
assert "Max address space" in limits and str(renderer.MOST_MEMORY_BYTES) in limits
print(pid)
"""
    root = str(Path(__file__).parents[3])
    more = {**os.environ, "GROQ_API_KEY": "planted", "PYTHONPATH": root}
    command = [sys.executable, "-W", "error", "-P", "-c", look]
    done = subprocess.run(command, env=more, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not Path(f"/proc/{done.stdout.strip()}").exists()
