"""Accounts: who a user is, and entries for who has none."""

from pathlib import Path

import pytest

from chaos.agent.accounts import Account, account, with_entries


def test_who_a_user_is(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:102:n:/var/www:/bin/false\n"
    )
    (tmp_path / "etc/group").write_text("root:x:0:\nnginx:x:102:\nssl:x:103:nginx,other\n")
    root = str(tmp_path)
    assert account("", root) == Account(0, 0, [0], "/root")
    assert account("nginx", root) == Account(101, 102, [102, 103], "/var/www")
    assert account("101", root) == Account(101, 102, [102, 103], "/var/www")
    assert account("5000", root) == Account(5000, 0, [0], "/")
    assert account("nginx:ssl", root) == Account(101, 103, (), "/var/www")
    assert account("1000:1001", root) == Account(1000, 1001, (), "/")
    with pytest.raises(OSError, match="no user 'nobody'"):
        account("nobody", root)
    with pytest.raises(OSError, match="no group 'staff'"):
        account("nginx:staff", root)


def test_users_without_an_entry_get_one() -> None:
    passwd, group = "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:"
    passwd, group = with_entries(
        passwd, group, ["postgres", "", "root", "70", "app:staff", "postgres"], "/app"
    )
    assert passwd.splitlines()[1:] == [
        "postgres:x:1000:1000:postgres:/app:/bin/sh",
        "user70:x:70:70:user70:/app:/bin/sh",
        "app:x:1001:1001:app:/app:/bin/sh",
    ]
    assert group.splitlines()[1:] == ["postgres:x:1000:", "user70:x:70:", "app:x:1001:"]
    assert with_entries(passwd, group, ["postgres", "70", "0"], "/app") == (passwd, group)
