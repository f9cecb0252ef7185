"""What name resolution reads, with a name taken out; and DNS messages."""

import pytest

from chaos.faults.network import dns
from chaos.faults.network.names import matches, search, servers, with_server, without

QUERY = (
    b"\x12\x34\x01\x20\0\1\0\0\0\0\0\1" + b"\x02db\x07Example\0\0\x1c\0\1" + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
)


@pytest.mark.parametrize(
    ("hosts", "left"),
    [
        ("127.0.0.1 localhost db web\n", "127.0.0.1 localhost web\n"),
        ("127.0.0.1 DB\n::1 localhost\n", "::1 localhost\n"),
        ("127.0.0.1\tdb.\t a.db  mydb # db\n", "127.0.0.1 mydb # db\n"),
        ("# db\n127.0.0.1   localhost\n", "# db\n127.0.0.1   localhost\n"),
        ("", ""),
        ("127.0.0.1 web", "127.0.0.1 web"),
    ],
)
def test_a_name_is_taken_out_of_the_hosts(hosts: str, left: str) -> None:
    assert without(hosts, "db") == left


@pytest.mark.parametrize(
    ("name", "ours"),
    [("db", True), ("DB.", True), ("a.b.db", True), ("mydb", False), ("db.com", False), ("", False)],
)
def test_a_name_and_all_below_it(name: str, ours: bool) -> None:
    assert matches(name, ["db"]) is ours


def test_the_configuration_of_a_resolver_keeps_all_but_its_servers() -> None:
    text = "# by hand\nnameserver 10.0.0.1\nsearch a.example B.example.\nnameserver ::2\noptions timeout:1\n"
    assert servers(text) == ["10.0.0.1", "::2"]
    assert search(text) == ["a.example", "b.example"]
    changed = with_server(text, "127.0.0.1")
    assert changed == "nameserver 127.0.0.1\n# by hand\nsearch a.example B.example.\noptions timeout:1\n"
    assert servers("") == ["127.0.0.1"]
    assert search("") == []


def test_a_failure_repeats_the_question_and_nothing_else() -> None:
    assert dns.asked_name(QUERY) == "db.Example"
    answer = dns.failure(QUERY, 3)
    assert answer == b"\x12\x34\x81\x83\0\1\0\0\0\0\0\0" + b"\x02db\x07Example\0\0\x1c\0\1"


@pytest.mark.parametrize("query", [b"", QUERY[:12], QUERY[:15], QUERY[:12] + b"\xc0\x0c\0\1\0\1"])
def test_a_question_that_cannot_be_read(query: bytes) -> None:
    with pytest.raises(ValueError, match="question"):
        dns.asked_name(query)
