"""Lines of a stream, however long they are."""

import asyncio

from chaos.agent.capture import lines
from tests.agent.servers import run


def read(*chunks: bytes) -> list[bytes]:
    async def whole() -> list[bytes]:
        reader = asyncio.StreamReader()
        for chunk in chunks:
            reader.feed_data(chunk)
        reader.feed_eof()
        return [line async for line in lines(reader, 8)]

    return run(whole())


def test_a_long_line_is_one_line_with_its_beginning() -> None:
    assert read(b"ERROR " + b"x" * 100 + b"\n\naf", b"ter\nend") == [b"ERROR xx", b"", b"after", b"end"]


def test_a_stream_without_a_word_has_no_line() -> None:
    assert read() == []
    assert read(b"\n") == [b""]
