"""Offline is what a witness shows: one that answered before, does not meanwhile, and does again."""

import socket
import threading

import pytest

from chaos.errors import InjectionError
from chaos.faults import sandbox_offline
from chaos.faults.sandbox_offline import SandboxOffline, answers
from tests.faults.target import LocalTarget


def test_a_witness_must_be_in_the_network_that_is_cut() -> None:
    with pytest.raises(ValueError, match=r"witness 8\.8\.8\.8 is not in 10\.0\.0\.0/8: it would not notice"):
        SandboxOffline(network="10.0.0.0/8")


@pytest.mark.parametrize(("reached", "landed"), [([0, 0, 0], True), ([0, 0], False), ([0, 1, 0, 0], False)])
def test_it_landed_when_not_one_of_enough_connections_got_an_answer(reached: list[int], landed: bool) -> None:
    delivered = SandboxOffline().delivered([{"reached": bool(each)} for each in reached])
    assert delivered.landed is landed
    assert delivered.values["cut_percent"] == pytest.approx(100 * reached.count(0) / len(reached), abs=0.001)


def test_nothing_is_cut_when_the_witness_does_not_answer_anyway() -> None:
    with (
        LocalTarget() as target,
        pytest.raises(InjectionError, match=r"127\.0\.0\.9 gives no answer before anything is cut"),
        SandboxOffline(network="127.0.0.0/8", witness="127.0.0.9").inject(target),
    ):
        pass


@pytest.mark.parametrize(
    "words", [b"answer", b""], ids=["one that answers", "one that only takes connections"]
)
def test_a_connection_without_an_answer_proves_nothing(monkeypatch: pytest.MonkeyPatch, words: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sandbox_offline, "_PORT", server.getsockname()[1])

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(words)

        thread = threading.Thread(target=serve)
        thread.start()
        assert answers("127.0.0.1") is bool(words)
        thread.join()
