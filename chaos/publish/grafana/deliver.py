"""Delivery of one dashboard: all steps in one bounded session, and the outcome."""

import time

from chaos.errors import PublishError
from chaos.publish.grafana.dispatch import Dispatch, Receipt
from chaos.publish.grafana.server import Server
from chaos.publish.grafana.session import Call, with_session
from chaos.publish.grafana.steps import carry_out

WITHIN_S = 4.5
"""That a run waits at most for a Grafana that does not answer; with all around it, less than five seconds."""


def deliver(
    server: Server, dispatch: Dispatch, within_s: float = WITHIN_S
) -> tuple[Receipt, PublishError | None]:
    """What arrived, and why not all of it. Takes at most `within_s`."""
    receipt = Receipt()
    started = time.monotonic()

    async def work(call: Call) -> None:
        await carry_out(call, dispatch, receipt)

    failure = None
    try:
        with_session(server, work, within_s)
    except PublishError as error:
        failure = error
    receipt.took_s = time.monotonic() - started
    return receipt, failure
