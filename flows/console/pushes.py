"""The forge's webhook as a route: a push has its repository brought in line by the deployment that follows it.

A delivery proves itself by its signature; it needs no token, and leads to nothing but a run of `reconcile`.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chaos.gitops.repository.source import Source, SourceError
from chaos.gitops.webhook.app import METHODS, PATH, Webhook
from chaos.settings import Settings
from flows.console.conductor import Conductor
from flows.console.problems import Refused
from flows.gitops.flow import reconcile
from flows.prefect.labels import BY
from flows.prefect.states import SCHEDULED

_FRESH_S = 5.0
"""For so long nobody asks Prefect again which repositories are followed."""
_LOG = logging.getLogger("chaoslab.console")


@dataclass(slots=True)
class Pushes:
    """What deliveries lead to. Raises WebhookError for a secret that could be guessed."""

    conductor: Conductor
    secret: str = field(repr=False)
    _hook: Webhook = field(init=False)
    _followers: "Mapping[Source, str]" = field(default_factory=dict)
    """Followed repository -> the deployment that follows it."""
    _looked: float = float("-inf")
    _starting: "set[asyncio.Task[None]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        """One webhook, whose repositories are those that are followed when a delivery comes."""
        self._hook = Webhook((), self.secret, self._notify, _LOG.info)

    async def respond(self, request: Request) -> Response:
        """The answer to one delivery. Raises Refused."""
        if monotonic() - self._looked > _FRESH_S:
            self._followers = dict(_followed(await self.conductor.deployments(reconcile.name)))
            self._hook.sources, self._looked = tuple(self._followers), monotonic()
        return await self._hook.respond(request)

    def _notify(self, source: Source) -> None:
        task = asyncio.ensure_future(self._start(source))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, source: Source) -> None:
        """A run of its follower, for this repository only."""
        body = {
            "parameters": {"repositories": [str(source)]},
            "state": {"type": SCHEDULED},
            "labels": {BY: "push"},
        }
        try:
            await self.conductor.start(self._followers[source], body)
        except Refused as refused:  # its schedule looks at it in any case
            _LOG.warning("a push to %s is not followed up: %s", source, refused.detail)


def configured(conductor: Conductor) -> Pushes | None:
    """With the secret of the settings; None without one. Raises WebhookError."""
    secret = Settings().chaoslab_webhook_secret
    return Pushes(conductor, secret.get_secret_value()) if secret else None


def route() -> Route:
    """Where forges deliver."""
    return Route(PATH, _deliver, methods=list(METHODS), include_in_schema=False)


async def _deliver(request: Request) -> Response:
    pushes: Pushes | None = request.app.state.desk.pushes
    if pushes is None:
        raise Refused(
            "not-found", "no webhook is served here: set CHAOSLAB_WEBHOOK_SECRET, as the forge has it"
        )
    return await pushes.respond(request)


def _followed(deployments: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Source, str]]:
    for each in deployments:
        parameters = each.get("parameters") or {}
        for repository in parameters.get("repositories") or ():
            with suppress(SourceError):
                yield (
                    Source.parse(str(repository), signed=bool(parameters.get("require_signed"))),
                    str(each["id"]),
                )
