"""Which deliveries are believed, and what is heard in them: as GitHub, GitLab, Gitea and a script would send them."""

import base64
import contextlib
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.gitops.repository.source import Source
from chaos.gitops.webhook.deliveries import DeliveryRefused, WebhookDelivery, pushed_to, verified

SECRET = "it is 16 long, or longer"
SIGNING = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW = 1_760_000_000.0
SHOP = Source("https://git.example/Team/shop.git")
BILLING = Source("git@git.example:team/billing.git", branch="live")
SOURCES = [SHOP, BILLING]


def push(url: str = "https://git.example/team/shop.git", ref: str = "refs/heads/main") -> dict[str, Any]:
    return {"ref": ref, "repository": {"clone_url": url, "html_url": url.removesuffix(".git")}}


def delivery(body: object, **headers: str) -> WebhookDelivery:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookDelivery({"content-type": "application/json", **named}, content, NOW)


def digest(body: object, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), json.dumps(body).encode(), hashlib.sha256).hexdigest()


def standard(
    body: object, *, at: float = NOW, sent: str = "m1", key: bytes = bytes(range(32))
) -> dict[str, str]:
    """The headers of GitLab's signing token."""
    signed = f"{sent}.{at:.0f}.".encode() + json.dumps(body).encode()
    proof = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {"webhook_id": sent, "webhook_timestamp": f"{at:.0f}", "webhook_signature": f"v1,AAAA v1,{proof}"}


def refused(given: WebhookDelivery, secret: str = SECRET) -> tuple[int, str]:
    with pytest.raises(DeliveryRefused) as refusal:
        verified(given, secret)
    return refusal.value.status, str(refusal.value)


def test_github_signs_the_body() -> None:
    good = delivery(push(), x_hub_signature_256=f"sha256={digest(push())}")
    assert verified(good, SECRET) == verified(good, SECRET)
    assert refused(good, SECRET + ".") == (401, "the signature is wrong")
    other = delivery(push(ref="refs/heads/x"), x_hub_signature_256=f"sha256={digest(push())}")
    assert refused(other)[0] == 401


def test_the_signature_that_github_s_documentation_gives_as_an_example_holds() -> None:
    """Source: GitHub, "Validating webhook deliveries", "Testing the webhook payload validation"."""
    proof = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert verified(delivery(b"Hello, World!", x_hub_signature_256=proof), "It's a Secret to Everybody")


def test_gitea_signs_twice_and_both_must_hold() -> None:
    right, wrong = digest(push()), digest(push(), "another secret")
    assert verified(delivery(push(), x_gitea_signature=right, x_hub_signature_256=f"sha256={right}"), SECRET)
    assert refused(delivery(push(), x_gitea_signature=wrong, x_hub_signature_256=f"sha256={right}"))[0] == 401
    assert refused(delivery(push(), x_gitea_signature=right, x_hub_signature_256=f"sha256={wrong}"))[0] == 401


def test_gitlab_sends_the_secret_itself() -> None:
    assert verified(delivery(push(), x_gitlab_token=SECRET), SECRET)
    assert refused(delivery(push(), x_gitlab_token="ü" + SECRET)) == (401, "the signature is wrong")


def test_gitlab_s_signing_token_signs_the_time_as_well() -> None:
    assert verified(delivery(push(), **standard(push())), SIGNING)
    for wrong in (
        standard(push(), at=NOW - 301),
        standard(push(), at=NOW + 301),
        standard(push(), key=b"another"),
        standard(push(ref="refs/heads/x")),
        {**standard(push()), "webhook_timestamp": "²"},
        {**standard(push()), "webhook_id": "m2"},
    ):
        assert refused(delivery(push(), **wrong), SIGNING) == (401, "the signature is wrong")
    assert refused(delivery(push(), **standard(push())), "whsec_no base64")[0] == 401


@pytest.mark.parametrize(
    "stamp",
    [
        *(
            "9" * 5000,
            "0" * 5000,
            "9" * 4301,
            "1" * 13,
            "",
            "-1",
            "+1760000000",
            " 1760000000",
            "1760000000 ",
        ),
        *("nan", "inf", "-inf", "1e9", "1760000000.0", "0x68e78780", "1_760_000_000", "1760000000\x00"),
        *("²", "１７６０００００００", "١٧٦٠٠٠٠٠٠٠", "1760000000,1760000000"),
    ],
    ids=lambda stamp: f"{len(stamp)} of {stamp[:12]!a}",
)
def test_a_time_that_is_no_number_of_seconds_is_refused_though_it_is_signed(stamp: str) -> None:
    signed = f"m1.{stamp}.".encode() + json.dumps(push()).encode()
    proof = base64.b64encode(hmac.digest(bytes(range(32)), signed, "sha256")).decode()
    headers = {"webhook_id": "m1", "webhook_timestamp": stamp, "webhook_signature": f"v1,{proof}"}
    assert refused(delivery(push(), **headers), SIGNING) == (401, "the signature is wrong")


def test_a_right_token_does_not_mend_a_wrong_signature() -> None:
    wrong = standard(push(), key=b"another")
    assert refused(delivery(push(), x_gitlab_token=SIGNING, **wrong), SIGNING)[0] == 401


def test_without_a_proof_nothing_is_heard() -> None:
    status, why = refused(delivery(push(), authorization=SECRET))
    assert status == 401
    assert "x-hub-signature-256, x-gitea-signature, webhook-signature, x-gitlab-token" in why


@pytest.mark.parametrize(
    ("url", "ref", "found"),
    [
        ("https://git.example/team/shop.git", "refs/heads/main", [SHOP]),
        ("https://GIT.example/team/shop", "refs/heads/main", [SHOP]),
        ("ssh://git@git.example:2222/team/billing.git", "refs/heads/live", [BILLING]),
        ("git@git.example:team/shop.git", "refs/heads/main", [SHOP]),
        ("https://git.example/team/shop.git", "refs/heads/live", []),
        ("https://git.example/team/shop.git", "refs/tags/main", []),
    ],
)
def test_a_push_is_to_a_followed_repository_and_branch(url: str, ref: str, found: list[Source]) -> None:
    assert pushed_to(delivery(push(url, ref)), SOURCES)[0] == found


def test_gitlab_names_the_repository_in_its_own_way() -> None:
    body = {"ref": "refs/heads/main", "project": {"git_http_url": SHOP.url, "git_ssh_url": "git@x:y/z.git"}}
    assert pushed_to(delivery(body, x_gitlab_event="Push Hook"), SOURCES) == ([SHOP], "heard")


@pytest.mark.parametrize("event", ["ping", "pull_request"])
def test_another_event_leads_to_nothing(event: str) -> None:
    assert pushed_to(delivery({"zen": "…"}, x_github_event=event), SOURCES)[0] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (push("https://git.example/team/other.git"), 404),
        (push("https://evil.example/team/shop.git"), 404),
        (push("https://git.example/team/shop.git.evil"), 404),
        (push("/etc"), 404),
        (push("http://[oops"), 400),
        (push(""), 400),
        ({"ref": 1, "repository": {"clone_url": SHOP.url}}, 400),
        ({"ref": "refs/heads/main", "repository": [SHOP.url]}, 400),
        (["ref"], 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"ref": ' + b"9" * 5000 + b"}", 400),
    ],
)
def test_what_is_no_push_to_a_followed_repository_is_refused(body: object, status: int) -> None:
    with pytest.raises(DeliveryRefused) as refusal:
        pushed_to(delivery(body), SOURCES)
    assert refusal.value.status == status


def test_a_form_is_refused_and_says_what_to_set() -> None:
    form = WebhookDelivery(
        {"content-type": "application/x-www-form-urlencoded"}, b"payload=%7B%7D", time.time()
    )
    with pytest.raises(DeliveryRefused, match="set the webhook's content type") as refusal:
        pushed_to(form, SOURCES)
    assert refusal.value.status == 415


WORDS = st.text(max_size=12) | st.sampled_from(["refs/heads/main", SHOP.url, "http://[x", "git@a:b"])
KEYS = st.sampled_from(["ref", "repository", "project", "clone_url", "ssh_url", "git_http_url"])
PAYLOAD = st.recursive(
    st.none() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
PROOFS = st.sampled_from(
    ["x_hub_signature_256", "x_gitea_signature", "webhook_signature", "webhook_timestamp", "x_gitlab_token"]
)
VALUES = st.text(st.characters(max_codepoint=255), max_size=20) | st.sampled_from(["1760000000", "v1,x"])


@given(PAYLOAD, st.dictionaries(PROOFS, VALUES))
def test_whatever_comes_is_refused_or_heard_and_never_breaks(body: object, headers: dict[str, str]) -> None:
    given_headers = delivery(body, **headers)
    assert refused(given_headers)[0] == 401
    with contextlib.suppress(DeliveryRefused):
        assert set(pushed_to(given_headers, SOURCES)[0]) <= set(SOURCES)
