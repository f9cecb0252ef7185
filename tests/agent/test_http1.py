"""HTTP/1.1 framing: the same response however it is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.probes.http1 import BadResponse, Request, ResponseReader

CHUNKED = b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
RESPONSES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED, b"hello", True),
    (CONTINUE + b"HTTP/1.1 404 No\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", b"", False),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
]


@given(which=st.sampled_from(RESPONSES), cuts=st.lists(st.integers(0, 100)))
def test_pieces_make_no_difference(which: tuple[bytes, bytes, bool], cuts: list[int]) -> None:
    raw, body, reusable = which
    reader = ResponseReader(keep_bytes=100)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    whole = [reader.feed(raw[start:end]) for start, end in pairwise(edges)]
    assert whole == [False] * (len(whole) - 1) + [True]
    assert (reader.body, reader.size, reader.reusable) == (body, len(body), reusable)


@given(st.binary(max_size=300))
@example(b"\n\n")
def test_garbage_is_refused_or_waited_for_never_a_crash(garbage: bytes) -> None:
    for prefix in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        reader = ResponseReader()
        try:
            reader.feed(prefix + garbage)
        except BadResponse:
            continue
        reader.end()


def test_a_body_up_to_the_end_is_whole_only_at_the_end() -> None:
    reader = ResponseReader(keep_bytes=4)
    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert reader.end()
    assert (reader.body, reader.size, reader.reusable) == (b"hell", 5, False)


def test_what_follows_a_response_spoils_the_connection() -> None:
    reader = ResponseReader()
    assert reader.feed(RESPONSES[0][0] + b"HTTP/1.1 408 Timeout\r\n\r\n")
    assert not reader.reusable


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nlonger\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_refused(raw: bytes) -> None:
    with pytest.raises(BadResponse):
        ResponseReader().feed(raw)


def test_requests_name_host_port_and_query() -> None:
    request = Request.of("http://[::1]:8000?a=b%20c#part")
    assert (request.host, request.port, request.tls) == ("::1", 8000, False)
    assert request.raw.startswith(b"GET /?a=b%20c HTTP/1.1\r\nHost: [::1]:8000\r\n")
    assert Request.of("https://shop.example/x").port == 443
    assert Request.of("http://a/ž y").raw.startswith(b"GET /%C5%BE%20y HTTP/1.1\r\n")
    assert not Request.of("http://a/", "POST").idempotent


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "/path", "http://a:x/"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"not an http|Port"):
        Request.of(url)
