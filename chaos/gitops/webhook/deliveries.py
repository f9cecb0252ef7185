"""Webhook deliveries: signatures and payloads of GitHub, GitLab, Gitea and Forgejo, or of a script of one's own.

A delivery is only ever a reason to look at a repository that is followed anyway. Nothing of it is used but the names of
the repository and the branch, and those only to compare them.

Sources: GitHub "Validating webhook deliveries"; GitLab "Webhooks", secret token and signing token (the latter as
standardwebhooks.com has it); Gitea "Webhooks".
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.errors import ChaosLabError
from chaos.gitops.forges import host_and_path
from chaos.gitops.repository.source import Source

CLOCKS_DIFFER_S = 300.0
"""How far the sender's clock may be from ours."""
_MOST_DIGITS = 12
"""Of seconds since 1970, until the year 33658; Python itself refuses to read more than 4,300."""
LEAST_SECRET = 16
Headers = Mapping[str, str]
"""By names in lower case."""


class DeliveryRefused(ChaosLabError):
    """A delivery that is refused; the message goes to its sender, who may be anybody."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One request as it came."""

    headers: Headers
    body: bytes
    at: float
    """When, in seconds since 1970."""


def verified(delivery: WebhookDelivery, secret: str) -> str:
    """The digest of a delivery, the same when it is sent again. Raises DeliveryRefused without proof of the secret.

    Every proof that comes with it must hold: a wrong signature is not made good by a right token.
    """
    proofs = [holds for header, holds in _PROOFS.items() if header in delivery.headers]
    if not proofs:
        raise DeliveryRefused(401, f"no signature; one of these headers is needed: {', '.join(_PROOFS)}")
    if not all([holds(delivery, secret) for holds in proofs]):
        raise DeliveryRefused(401, "the signature is wrong")
    return hashlib.sha256(delivery.body).hexdigest()


def pushed_to(delivery: WebhookDelivery, sources: Sequence[Source]) -> tuple[list[Source], str]:
    """Which of the followed repositories were pushed to, and the sentence for the sender. Raises DeliveryRefused."""
    event = next((delivery.headers[name] for name in _EVENTS if name in delivery.headers), "push")
    if event.lower() not in ("push", "push hook"):
        return [], "heard; only a push leads to anything"
    payload = _payload(delivery)
    ref, places = payload.get("ref"), {_place(url) for url in _urls(payload)} - {("", "")}
    if not isinstance(ref, str) or not places:
        raise DeliveryRefused(400, "expected the JSON of a push, with ref and repository")
    followed = [one for one in sources if _place(one.url) in places]
    if not followed:
        raise DeliveryRefused(404, "that repository is not followed here")
    pushed = [one for one in followed if ref == f"refs/heads/{one.branch}"]
    return pushed, "heard" if pushed else f"heard; {followed[0].branch} is followed, not this branch"


def _payload(delivery: WebhookDelivery) -> dict[str, Any]:
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise DeliveryRefused(415, "expected application/json; set the webhook's content type to it")
    try:
        payload = json.loads(delivery.body)
    except (ValueError, RecursionError):
        raise DeliveryRefused(400, "the body is no JSON") from None
    return payload if isinstance(payload, dict) else {}


def _urls(payload: Mapping[str, Any]) -> Iterator[str]:
    """Every address that a payload gives its repository."""
    for part, keys in (
        ("repository", ("clone_url", "ssh_url", "git_url", "html_url")),  # GitHub, Gitea, Forgejo
        ("project", ("git_http_url", "git_ssh_url", "web_url")),  # GitLab
    ):
        about = payload.get(part)
        urls = [about.get(key) for key in keys] if isinstance(about, dict) else []
        yield from (url for url in urls if isinstance(url, str))


def _place(url: str) -> tuple[str, str]:
    """The same for every URL of one repository; two empty words for what is no address."""
    try:
        host, path = host_and_path(url)
    except ValueError:
        return "", ""
    return (host.lower(), path.lower()) if path else ("", "")


def _hub(delivery: WebhookDelivery, secret: str) -> bool:
    """GitHub, and what signs as it does: `sha256=` and the digest."""
    given = delivery.headers["x-hub-signature-256"]
    return _same(given, f"sha256={_digest(delivery.body, secret)}")


def _gitea(delivery: WebhookDelivery, secret: str) -> bool:
    return _same(delivery.headers["x-gitea-signature"], _digest(delivery.body, secret))


def _gitlab_token(delivery: WebhookDelivery, secret: str) -> bool:
    """The secret itself: nothing is signed, so TLS must keep it."""
    return _same(delivery.headers["x-gitlab-token"], secret)


def _standard(delivery: WebhookDelivery, secret: str) -> bool:
    """GitLab's signing token: identity, time and body are signed, so that an old delivery is known as old."""
    sent, stamp = delivery.headers.get("webhook-id", ""), delivery.headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_DIGITS):
        return False
    if abs(int(stamp) - delivery.at) > CLOCKS_DIFFER_S:
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    signed = f"{sent}.{stamp}.".encode() + delivery.body
    right = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = delivery.headers["webhook-signature"].split()[:8]
    return any([_same(one, f"v1,{right}") for one in given])


_PROOFS: Mapping[str, Callable[[WebhookDelivery, str], bool]] = {
    "x-hub-signature-256": _hub,
    "x-gitea-signature": _gitea,
    "webhook-signature": _standard,
    "x-gitlab-token": _gitlab_token,
}
_EVENTS = ("x-gitlab-event", "x-gitea-event", "x-github-event")


def _digest(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def _same(given: str, right: str) -> bool:
    """Compared so that the time it takes tells nothing."""
    return hmac.compare_digest(given.encode(), right.encode())
