"""HTTP messages, read in every possible pair of pieces."""

import pytest

from chaos.faults.http.messages import (
    MOST_BYTES,
    Chunked,
    CountedBody,
    Endless,
    MessageBody,
    NotHttp,
    kind_of,
    request_in,
    response_in,
)

CHUNKS = b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-End: 1\r\n\r\n"


def taken(body: MessageBody, pieces: list[bytes]) -> int:
    """How many bytes of the pieces belong to the body."""
    total = 0
    for piece in pieces:
        count = body.take(piece)
        total += count
        if body.done:
            break
        assert count == len(piece)
    return total


@pytest.mark.parametrize("at", range(len(CHUNKS)))
def test_chunks_end_where_they_end_however_they_come(at: int) -> None:
    body = Chunked()
    assert taken(body, [CHUNKS[:at], CHUNKS[at:] + b"GET / HTTP/1.1\r\n"]) == len(CHUNKS)
    assert body.done


@pytest.mark.parametrize(
    "chunks", [b"x\r\n", b"-1\r\n", b"0x5\r\n", b"\r\n", b"2\r\nabc\r\n", b"5" * MOST_BYTES + b"5"]
)
def test_what_is_not_chunks_is_refused(chunks: bytes) -> None:
    with pytest.raises(NotHttp):
        Chunked().take(chunks)


def test_a_counted_body_takes_its_own() -> None:
    body = CountedBody(5)
    assert (body.take(b"abc"), body.done) == (3, False)
    assert (body.take(b"defg"), body.done) == (2, True)
    assert CountedBody(0).done


HEAD = (
    b"POST http://a.example/x/y?z=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
)


@pytest.mark.parametrize("at", range(len(HEAD)))
def test_a_head_is_read_when_it_is_whole(at: int) -> None:
    assert request_in(HEAD[:at]) is None
    request = request_in(HEAD + b"abc")
    assert request is not None
    assert (request.raw, request.method, request.path) == (HEAD, "POST", "/x/y")
    assert isinstance(request.body, CountedBody)
    assert request.body.left == 3
    assert request.expects_continue
    assert request.keeps_alive


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: te, Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\n\n", True),
    ],
)
def test_whether_another_request_may_follow(head: bytes, keeps: bool) -> None:
    request = request_in(head)
    assert request is not None
    assert request.keeps_alive is keeps
    assert request.body.done


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * MOST_BYTES,
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(nonsense: bytes) -> None:
    with pytest.raises(NotHttp):
        request_in(nonsense)


@pytest.mark.parametrize(
    ("head", "method", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", CountedBody),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "GET", Chunked),
        (b"HTTP/1.1 200\r\n\r\n", "GET", Endless),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "GET", Endless),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", CountedBody),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", CountedBody),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "POST", CountedBody),
    ],
)
def test_how_a_response_is_framed(head: bytes, method: str, body: type[MessageBody]) -> None:
    response = response_in(head + b"more", method)
    assert response is not None
    assert response.raw == head
    assert type(response.body) is body
    assert response.body.done is (body is CountedBody and (method == "HEAD" or response.status in (204, 100)))


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (bytes.fromhex("1603010200010001fc0303"), "tls"),
        (bytes.fromhex("160301"), "tls"),
        (b"\x16\x03\x01\x00\xff nonsense", "other"),
        (bytes.fromhex("1703030010"), "other"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"),
        (b"PRI * HTTP/1.1\r\n", "other"),
        (b"\x00\x00\x00\x17", "other"),
        (b"", "other"),
    ],
)
def test_what_is_not_http_1_is_known_by_how_it_begins(first: bytes, kind: str) -> None:
    assert kind_of(first) == kind
