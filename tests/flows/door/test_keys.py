"""The secret, and what is made from it: kept from others, known again, and no longer good than promised."""

import os
import stat
import time
from pathlib import Path

import pytest

from flows.server.door.keys import COOKIE_WORKS_S, LINK_WORKS_S, Keys

NOW = 1_790_000_000.0


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.kept_or_made(tmp_path, 4200)


def test_the_secret_is_its_owner_s_alone_and_kept_for_its_port(keys: Keys, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert keys.secret not in repr(keys)
    assert Keys.kept_or_made(tmp_path, 4200) == keys == Keys.load(tmp_path)

    moved = Keys.kept_or_made(tmp_path, 4201)
    assert moved.secret != keys.secret
    assert moved.mark != keys.mark
    assert Keys.load(tmp_path) == moved


def test_a_secret_that_others_could_have_read_or_put_there_is_none(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.chmod(0o640)
    assert Keys.load(tmp_path) is None
    assert Keys.kept_or_made(tmp_path, 4200).secret != keys.secret

    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert Keys.load(tmp_path) is None
    made = Keys.kept_or_made(tmp_path, 4200)
    assert not file.is_symlink()
    assert made.secret not in (tmp_path / "elsewhere").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_secret_of_another_owner_is_none(keys: Keys, tmp_path: Path) -> None:
    os.chown(tmp_path / "secret", 65534, -1)
    assert Keys.load(tmp_path) is None


@pytest.mark.parametrize(
    "text", [b"", b"chaoslab-", b"chaoslab-x:y", "chaoslab-²:y".encode(), b"\xff", b"0" * 9000]
)
def test_a_file_that_holds_no_secret_is_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_bytes(text)
    assert Keys.load(tmp_path) is None
    assert Keys.kept_or_made(tmp_path, 4200) == Keys.load(tmp_path)


def test_only_the_secret_opens(keys: Keys) -> None:
    assert keys.is_basic(keys.basic())
    assert keys.is_basic(keys.basic().replace("Basic", "basic"))
    for wrong in ("", "Basic", "Basic ", keys.basic()[:-1], keys.secret, f"Bearer {keys.secret}", "Basic ²"):
        assert not keys.is_basic(wrong)
    assert keys.is_secret(keys.secret)
    for said in (None, "", 1, [keys.secret], {"token": keys.secret}, keys.secret + "x", "\ud800"):
        assert not keys.is_secret(said)


def test_a_cookie_is_good_for_its_time_and_for_one_server(keys: Keys, tmp_path: Path) -> None:
    cookie = keys.cookie(NOW)
    assert keys.is_cookie(cookie, NOW)
    assert keys.is_cookie(cookie, NOW + COOKIE_WORKS_S - 1)
    assert not keys.is_cookie(cookie, NOW + COOKIE_WORKS_S)
    until, mac = cookie.split(".")
    for forged in (
        "",
        ".",
        until,
        f"{int(until) + 1}.{mac}",
        f"{until}.{mac[:-1]}",
        f"{'9' * 5000}.{mac}",
        f"²{until}.{mac}",
        f"-1.{mac}",
        f"nan.{mac}",
        keys.mark,
    ):
        assert not keys.is_cookie(forged, NOW)
    assert not Keys("chaoslab-4200:another", 4200, tmp_path).is_cookie(cookie, NOW)


def test_a_link_opens_once_and_not_for_long(keys: Keys, tmp_path: Path) -> None:
    one, other = (link.rpartition("key=")[2] for link in (keys.link(), keys.link()))
    assert stat.S_IMODE((tmp_path / "links").stat().st_mode) == 0o700
    assert keys.takes_link(one)
    assert not keys.takes_link(one)
    for wrong in ("", "../secret", other[:-1], "x" * 9000, "\udcff"):
        assert not keys.takes_link(wrong)

    [left] = (tmp_path / "links").iterdir()
    assert other not in left.name
    os.utime(left, (0, time.time() - LINK_WORKS_S - 1))
    assert not keys.takes_link(other)
    keys.link()
    assert len(list((tmp_path / "links").iterdir())) == 1
