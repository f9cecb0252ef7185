"""Real HTTP servers on loopback: in this loop for odd manners, in a process of their own to be killed."""

import asyncio
import gc
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

from chaos.agent.loop import exact_loop

T = TypeVar("T")
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it in the agent's own kind of loop; sockets left open become warnings, and warnings are errors."""
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        result = runner.run(work)
    gc.collect()
    return result


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request; raises IncompleteReadError when there is none."""
    return await reader.readuntil(b"\r\n\r\n")


def always(response: bytes, *, after_s: float = 0.0) -> Answer:
    """Keep the connection and answer every request with that."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await head(reader)
            await asyncio.sleep(after_s)
            writer.write(response)

    return answer


@asynccontextmanager
async def serving(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    """Each connection goes to `answer` and is closed when it returns; the port."""
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await answer(reader, writer)
                await writer.drain()
        finally:
            writer.close()
            talking.discard(task)

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking.copy():
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        await asyncio.sleep(0)  # closed transports let go of their sockets in the loop's next turn


_SERVER = """
import asyncio, sys
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        for _ in range(data.count(b"\\r\\n\\r\\n")):
            asyncio.get_running_loop().call_later(float(sys.argv[2]), self.transport.write,
                b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
async def main():
    server = await asyncio.get_running_loop().create_server(
        Answer, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def server_process(port: int, after_s: float = 0.0) -> "Iterator[subprocess.Popen[bytes]]":
    """A server that answers every request after `after_s`, ready, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SERVER, str(port), str(after_s)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
