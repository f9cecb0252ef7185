"""What a failed setup command says is its cause, not its last page of usage."""

from pathlib import Path

import pytest

from chaos.runner.setup_words import NO_NETWORK, said
from tests.lab import WEB, Lab

USAGE = "\n".join(
    f"npm error   --option-{number}\nnpm error     Sets the option number {number} of many."
    for number in range(60)
)
NPM = f"""npm error code EUSAGE
npm error
npm error The `npm ci` command can only install with an existing package-lock.json or
npm error npm-shrinkwrap.json with lockfileVersion >= 1. Run an install with npm@5 or
npm error
npm error Options:
{USAGE}
npm error A complete log of this run can be found in: /root/.npm/_logs/x.log"""
GCC = "\n".join(
    [
        *(f"cc -c part{number}.c" for number in range(80)),
        "main.c:3:10: fatal error: missing.h: No such file or directory",
        "    3 | #include <missing.h>",
        *(f"cc -c other{number}.c" for number in range(80)),
        "make: *** [Makefile:4: main.o] Error 1",
    ]
)
PIP = """Collecting flask
  WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(': /simple/flask/
ERROR: Could not find a version that satisfies the requirement flask (from versions: none)
ERROR: No matching distribution found for flask"""


def test_the_first_error_is_said_before_pages_of_usage() -> None:
    words = said(NPM, "", has_network=False)
    assert words.startswith(
        "npm error code EUSAGE\nnpm error The `npm ci` command can only install with an existing"
    )
    assert words.endswith("/root/.npm/_logs/x.log")
    assert len(words) < 900


def test_an_error_amid_other_lines_is_found_with_what_goes_on_with_it_and_the_last_lines() -> None:
    words = said("", GCC, has_network=False)
    assert words.startswith(
        "main.c:3:10: fatal error: missing.h: No such file or directory\n    3 | #include <missing.h>\n…\n"
    )
    assert words.endswith("make: *** [Makefile:4: main.o] Error 1")


@pytest.mark.parametrize(
    "words",
    [
        *[PIP, "npm error code EAI_AGAIN\nnpm error errno EAI_AGAIN\nnpm error request to https://r.example failed"],
        *["fatal: unable to access 'https://example.org/x.git/': Could not resolve host: example.org"],
        *["go: example.org/x@v1: dial tcp: lookup example.org on 127.0.0.1:53: connection refused"],
        *["curl: (6) Could not resolve host: example.org", "java.net.UnknownHostException: repo.example.org"],
    ],
)  # fmt: skip
def test_what_asked_a_network_is_told_that_there_is_none(words: str) -> None:
    assert said(words, "", has_network=False).endswith(NO_NETWORK)
    assert NO_NETWORK not in said(words, "", has_network=True)


def test_few_words_are_said_whole() -> None:
    assert said("no such package\n", "ignored", has_network=False) == "no such package"
    assert said("", "only output\n", has_network=False) == "only output"
    assert said(" \n", "", has_network=False) == ""


def test_a_secret_is_masked_before_words_are_cut(tmp_path: Path) -> None:
    lab, secret = Lab(tmp_path), "s3cr3t-in-git"
    web = {**WEB, "env": {"API_TOKEN": secret}}
    cut = [["sh", "-c", f"echo error: {'x' * 588}{secret} {'more ' * 99} >&2; exit 3"]]
    done = lab.run("--json", lab.manifest(process=web, setup=cut))
    assert done.code == 5, done
    assert "setup sh -c" in done.result.why.lower()
    assert "s3cr" not in done.out + done.err
