"""Packets of our own: how many are sent where a machine is slow to handle them."""

import time

from chaos.faults.network.datagrams import Datagrams
from chaos.faults.support.channel import Channel


def test_nothing_is_sent_while_those_sent_before_are_still_handled_and_come_late() -> None:
    ours = Datagrams(Channel(0, 1), settle_s=0.5, per_s=1000.0)
    with ours.receiver, ours.sender:
        ours._next, ours._highest, ours._came_at = 500, 300, time.monotonic()
        ours._send()
        assert ours._next == 500
        ours._came_at -= 1.0  # nothing comes at all: they are lost, and not late
        ours._send()
        assert ours._next == 505
        ours._take()
        assert ours._highest == 504
        ours._send()
        assert ours._next == 510


def test_what_is_late_is_not_lost_as_long_as_nothing_sent_after_it_has_come() -> None:
    ours = Datagrams(Channel(0, 1), settle_s=0.0, per_s=1000.0)
    with ours.receiver, ours.sender:
        ours._send()
        ours._came_at = time.monotonic()  # something came, sent before all of these
        ours._settle()
        assert ours.totals.sent == 0
        ours._came_at -= 10.0  # nothing comes at all
        ours._settle()
        assert (ours.totals.sent, ours.totals.lost) == (5, 5)
