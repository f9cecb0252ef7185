"""The demo app by hand: real processes on the loopback, and what it does when it is hurt."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.faults.process.tree import cpu_s
from chaos.faults.support.fidelity import percentile
from tests.faults.target import in_own_network

APP = Path(__file__).resolve().parents[1] / "experiments" / "apps" / "shop"


class Shop:
    """Inventory and web on ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.ports = {name: free_port() for name in ("inventory.py", "web.py", "kept.py")}
        self.log = folder / "web.err"
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        """Start one of the programs and wait until its port answers."""
        environment = {
            **os.environ,
            "PORT": str(self.ports[program]),
            "INVENTORY_URL": f"http://127.0.0.1:{self.ports['inventory.py']}",
            "INVENTORY_PORT": str(self.ports["inventory.py"]),
            "SHOP_URL": f"http://127.0.0.1:{self.ports['web.py']}",
            "ORDER_LOG": str(self._folder / "orders.log"),
        }
        with self.log.open("ab") as log:
            argv = [sys.executable, program, *options]
            child = subprocess.Popen(argv, cwd=APP, env=environment, stderr=log)
        self._children.append(child)
        until = time.monotonic() + 15
        while True:
            assert child.poll() is None, self.log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.ports[program])).close()
            except ConnectionRefusedError:
                assert time.monotonic() < until
                time.sleep(0.005)
            else:
                return child

    def look(self, path: str) -> tuple[int, str]:
        """What `kept.py` says."""
        url = f"http://127.0.0.1:{self.ports['kept.py']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def get(self, path: str, timeout_s: float = 5.0) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        try:
            url = f"http://127.0.0.1:{self.ports['web.py']}{path}"
            with urllib.request.urlopen(url, timeout=timeout_s) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {}

    def end(self) -> None:
        """End everything that was started."""
        for child in self._children:
            child.kill()
            child.wait()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.end()


def free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def test_sells_and_remembers(shop: Shop, tmp_path: Path) -> None:
    shop.start("inventory.py")
    shop.start("web.py")
    status, order = shop.get("/checkout")
    assert (status, order["order"], order["price_cents"]) == (200, 1, 1999)
    assert shop.get("/orders") == (200, {"taken": 1, "waiting": 0})
    assert shop.get("/health") == (200, {"status": "ok", "degraded": []})
    assert json.loads((tmp_path / "orders.log").read_text()) == order
    assert shop.log.read_text() == "", "an uneventful sale is no news"


def test_what_it_keeps_is_looked_at_from_outside(shop: Shop, tmp_path: Path) -> None:
    shop.start("kept.py")
    assert shop.look("/receipts/256")[0] == 502, "nobody is there to ask"
    shop.start("inventory.py")
    shop.start("web.py")
    assert [shop.get("/checkout")[0] for _ in range(2)] == [200, 200]
    assert shop.look("/receipts/2") == (200, "2 receipts, 2 are allowed\n")
    assert shop.look("/receipts/1") == (409, "2 receipts, 1 are allowed\n")
    assert shop.look("/connections/1") == (200, "1 connections, 1 are allowed\n")
    assert shop.look("/torn-orders/0") == (200, "0 torn-orders, 0 are allowed\n")
    with (tmp_path / "orders.log").open("a") as file:
        file.write('{"order": 3, "at\n')
    assert shop.look("/torn-orders/0")[0] == 409
    for path in ("/", "/receipts", "/receipts/-1", "/secrets/1", "/receipts/1/2"):
        status, said = shop.look(path)
        assert (status, said.split(",")[0]) == (404, "one of receipts"), path


def test_its_start_and_first_sale_cost_less_than_a_second_of_a_core(shop: Shop) -> None:
    shop.start("inventory.py")
    began = time.monotonic()
    web = shop.start("web.py")
    assert shop.get("/checkout")[0] == 200
    used_s, took_s = cpu_s([web.pid]), time.monotonic() - began
    print(f"sold {took_s:.2f} s after its start, {used_s:.2f} s of them its own")
    assert used_s < 1, "by its own clock: a busy machine makes it wait, which is not its doing"
    web.send_signal(signal.SIGTERM)
    assert web.wait(timeout=5) == -signal.SIGTERM


def test_sells_by_the_last_known_offer_while_the_inventory_is_away(shop: Shop) -> None:
    inventory = shop.start("inventory.py")
    shop.start("web.py")
    assert shop.get("/checkout")[0] == 200
    inventory.kill()
    inventory.wait()
    began = time.monotonic()
    status, order = shop.get("/checkout")
    assert (status, order["stale"], order["price_cents"]) == (200, True, 1999)
    assert time.monotonic() - began < 4, "it does not wait for who refuses"
    assert shop.get("/health") == (200, {"status": "degraded", "degraded": ["inventory"]})
    shop.start("inventory.py")
    status, order = shop.get("/checkout")
    assert (status, "stale" in order) == (200, False)
    assert "selling by the last known offer" in shop.log.read_text()
    assert "inventory answers again" in shop.log.read_text()


def test_does_not_wait_for_an_inventory_that_says_nothing(shop: Shop) -> None:
    inventory = shop.start("inventory.py")
    shop.start("web.py")
    assert shop.get("/checkout")[0] == 200
    inventory.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    status, order = shop.get("/checkout")
    took_s = time.monotonic() - began
    assert (status, order["stale"]) == (200, True)
    assert 0.4 < took_s < 4, "half a second of patience, and what a busy machine adds; not the client's five"


def test_retries_once_on_a_connection_that_was_closed(shop: Shop) -> None:
    inventory = shop.start("inventory.py")
    shop.start("web.py")
    assert shop.get("/checkout")[0] == 200
    inventory.kill()
    inventory.wait()
    shop.start("inventory.py")
    status, order = shop.get("/checkout")
    assert (status, "stale" in order) == (200, False), "the pooled connection was dead, a new one is not"


def test_without_any_offer_it_says_so(shop: Shop) -> None:
    shop.start("web.py")
    assert shop.get("/checkout")[0] == 503


@pytest.mark.parametrize("options", [(), ("--fragile",)], ids=["resilient", "fragile"])
def test_an_inventory_that_is_away(shop: Shop, options: tuple[str, ...]) -> None:
    inventory = shop.start("inventory.py")
    shop.start("web.py", *options)
    assert shop.get("/checkout")[0] == 200
    inventory.kill()
    inventory.wait()
    assert shop.get("/checkout")[0] == (500 if options else 200)


def test_a_full_disk() -> None:
    in_own_network(f"{__name__}:on_a_full_disk")


def on_a_full_disk() -> None:
    """In a mount namespace of its own: orders wait in memory, and none is lost or torn."""
    disk = small_disk()
    shop = Shop(disk)
    shop.log = Path("/dev/shm/shop.err")
    try:
        shop.start("inventory.py")
        shop.start("web.py")
        filler = fill(disk, leave=2 * 4096)
        answers = [shop.get("/checkout") for _ in range(120)]
        assert {status for status, _ in answers} == {200}
        waiting = shop.get("/orders")[1]["waiting"]
        assert 0 < waiting < 120
        assert shop.get("/health") == (200, {"status": "degraded", "degraded": ["disk"]})
        assert shop.log.read_text().count("No space left on device") == 1, "said once, not 120 times"
        whole_lines(disk / "orders.log", 120 - waiting)
        filler.unlink()
        assert shop.get("/checkout")[0] == 200
        assert shop.get("/orders")[1] == {"taken": 121, "waiting": 0}
        whole_lines(disk / "orders.log", 121)
        fragile_on_a_full_disk(shop, disk)
    finally:
        shop.end()
        shop.log.unlink()


def fragile_on_a_full_disk(shop: Shop, disk: Path) -> None:
    shop.ports["web.py"] = free_port()
    shop.start("web.py", "--fragile")
    assert shop.get("/checkout")[0] == 200
    fill(disk, leave=0)
    assert 500 in {shop.get("/checkout")[0] for _ in range(40)}


def small_disk() -> Path:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"], check=True)
    return Path("/mnt")


def fill(disk: Path, leave: int) -> Path:
    filler = disk / "filler"
    seen = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, seen.f_bavail * seen.f_frsize - leave)
    return filler


def whole_lines(log: Path, count: int) -> None:
    numbers = [json.loads(line)["order"] for line in log.read_text().splitlines()]
    assert numbers == list(range(1, count + 1))


def test_drops_its_cache_when_memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against files as a control group shows them: version 2, version 1, none."""
    monkeypatch.syspath_prepend(APP)
    import receipts

    monkeypatch.setattr(receipts, "CGROUPS", tmp_path)
    monkeypatch.setattr(receipts, "LOOK_EVERY_S", 0)
    assert receipts.memory_used_share() is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 600\ninactive_file 100\n")
    (tmp_path / "memory.current").write_text("750\n")
    assert receipts.memory_used_share() == 0.65
    kept = receipts.Receipts()
    for number in range(300):
        kept.keep(number, "receipt")
    assert len(kept._kept) == receipts.KEPT_AT_MOST
    (tmp_path / "memory.current").write_text("950\n")
    kept.keep(301, "receipt")
    assert kept.short
    assert not kept._kept
    (tmp_path / "memory.max").write_text("max\n")
    assert receipts.memory_used_share() is None
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("1000\n")
    (tmp_path / "memory/memory.stat").write_text("cache 10\ntotal_inactive_file 200\n")
    (tmp_path / "memory/memory.usage_in_bytes").write_text("900\n")
    assert receipts.memory_used_share() == 0.7


@pytest.mark.paired
def test_a_hundred_requests_a_second_are_no_trouble(shop: Shop) -> None:
    shop.start("inventory.py")
    shop.start("web.py")
    took_s = hundred_a_second(shop, seconds=3)
    median_ms, p95_ms = (percentile(took_s, share) * 1000 for share in (0.5, 0.95))
    print(f"median {median_ms:.1f} ms, p95 {p95_ms:.1f} ms at 100/s")
    assert len(took_s) == 300
    assert median_ms < 100, "far above what an idle machine needs, so that a busy one passes too"


def hundred_a_second(shop: Shop, seconds: int) -> list[float]:
    """Latencies from the intended times on, by eight connections taking turns."""
    from http.client import HTTPConnection

    begin, took_s = time.monotonic() + 0.1, list[float]()

    def one_in_eight(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", shop.ports["web.py"], timeout=10)
        for number in range(first, 100 * seconds, 8):
            due = begin + number / 100
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", "/checkout")
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            took_s.append(time.monotonic() - due)
        connection.close()

    threads = [threading.Thread(target=one_in_eight, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took_s
