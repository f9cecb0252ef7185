"""One client connection on its way through the proxy: requests one after another, untouched or tampered with.

Bytes pass as they came; ends and resets of either side become those of the other. What is not HTTP/1.1 (TLS, HTTP/2, a
server that speaks first, an upgraded connection) is passed through untouched, and its kind remembered. When the fault
ends nothing is cut: what is under way goes on to its own end.
"""

import asyncio
from typing import TYPE_CHECKING

from chaos.faults.http.messages import (
    CountedBody,
    Endless,
    MessageBody,
    NotHttp,
    RequestHead,
    Response,
    kind_of,
    request_in,
    response_in,
    unasked,
)
from chaos.faults.http.relay import BrokenMessage, HandshakeRefused, Relay
from chaos.faults.http.tampering import Dice

if TYPE_CHECKING:
    from chaos.faults.http.secured import Terms
    from chaos.faults.http.streams import Streams
from chaos.faults.http.wire import Wire


class Passage(Relay):
    """`run` until either side ends."""

    def __init__(
        self, client: Wire, upstream: Wire, news: asyncio.Event, dice: Dice, terms: "Terms | None" = None
    ) -> None:
        super().__init__(client, upstream, news)
        self.dice = dice
        self._terms = terms
        self._released = False
        self._streams: Streams | None = None
        self.secured = False
        """Whether it is TLS that is read here."""

    async def run(self) -> None:
        """Pass requests and responses; then end both sides the same way."""
        try:
            await self._secure()
            while (request := await self._next_request()) is not None:
                if not await self._exchange(request):
                    break
        except NotHttp as other:
            if other.kind == "http2" and self.dice.tampering.streams:
                await self._pass_streams()
                return
            await self._tunnel(other.kind)
        except HandshakeRefused as refusal:
            self.tunnelled = refusal.kind
        except BrokenMessage:
            pass
        await self._end()

    async def _pass_streams(self) -> None:
        """It is HTTP/2, and that is to be read."""
        from chaos.faults.http.streams import Streams  # and h2, which is there only where that is asked for

        self._streams = Streams(self._client, self._upstream, self._news, self.dice)
        await self._streams.run()

    @property
    def streamed(self) -> bool:
        """Whether it is HTTP/2 that is read here."""
        return self._streams is not None

    async def _secure(self) -> None:
        """Speak TLS with both sides, where that was asked for and the client begins to. Raises HandshakeRefused."""
        if self._terms is None:
            return
        await self._until(
            lambda: len(self._client.buffer) > 1 or self._client.ended or self._upstream.buffer or None
        )
        if self._upstream.buffer or kind_of(bytes(self._client.buffer)) != "tls":
            return
        self._client, name = await self._terms.to_client(self._client)
        self._upstream = await self._terms.to_server(self._upstream, name)
        self.secured = True

    def release(self) -> None:
        """The fault is over: a request that was held back goes on."""
        self._released = True
        self._news.set()
        if self._streams is not None:
            self._streams.release()

    async def _next_request(self) -> RequestHead | None:
        """None at the end of the connection."""

        def look() -> RequestHead | bool | None:
            if self._upstream.buffer:
                raise NotHttp("the server speaks unasked", unasked(bytes(self._upstream.buffer)))
            request = self._request()
            if request is not None:
                self._client.consume(len(request.raw))
                return request
            if self._client.ended and self._client.buffer:
                raise NotHttp("half a head, and then the end")
            return False if self._client.ended or self._upstream.ended else None

        found = await self._until(look)
        return found if isinstance(found, RequestHead) else None

    def _request(self) -> RequestHead | None:
        came = bytes(self._client.buffer)
        try:
            return request_in(came)
        except NotHttp as error:
            raise NotHttp(str(error), kind_of(came)) from error

    async def _exchange(self, request: RequestHead) -> bool:
        """One request and its response; whether another may follow."""
        if not self.dice.meant(request):
            return await self._forward(request)
        mode = self.dice.tampering.mode
        if mode == "status":
            return await self._answer(request)
        if mode == "close":
            return await self._close(request)
        if mode == "delay":
            self.dice.faulted += 1
            await self._wait()
            return await self._forward(request)
        return await self._forward(request, spoiled=True)

    async def _swallow(self, request: RequestHead) -> None:
        """Take the rest of a request that its server will not see."""
        self.dice.faulted += 1
        if not request.expects_continue:  # such a client waits with its body until it is asked for
            await self._pass(self._client, None, request.body)

    async def _close(self, request: RequestHead) -> bool:
        await self._swallow(request)
        return False

    async def _answer(self, request: RequestHead) -> bool:
        await self._swallow(request)
        closes = not request.keeps_alive or request.expects_continue
        await self._client.write(self.dice.tampering.answer(request, closes=closes))
        return not closes

    async def _wait(self) -> None:
        """Hold a request back; less when the fault ends. Raises BrokenMessage when the client is gone.

        One that has only sent its end may still want its answer.
        """

        def look() -> bool | None:
            if self._client.lost:
                raise BrokenMessage
            return self._released or None

        try:
            async with asyncio.timeout(self.dice.tampering.delay_s):
                await self._until(look)
        except TimeoutError:
            return

    async def _forward(self, request: RequestHead, *, spoiled: bool = False) -> bool:
        await self._upstream.write(request.raw)
        upload = asyncio.create_task(self._upload(request.body))
        try:
            response = await self._response(request.method)
            if response.status == 101 or (request.method == "CONNECT" and response.status < 300):
                await self._client.write(response.raw)
                raise NotHttp("another protocol from here on", "upgraded")
            if spoiled and await self._spoil(response):
                return False
            await self._client.write(response.raw)
            await self._pass(self._upstream, self._client, response.body)
            if isinstance(response.body, Endless):
                self._client.finish()
                return False
            await self._until(lambda: request.body.done or self._upstream.ended or self._client.lost or None)
            return request.body.done
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)

    async def _upload(self, body: MessageBody) -> None:
        """The body, and then the client's end, so that the server learns of one that leaves."""
        try:
            await self._pass(self._client, self._upstream, body)
            await self._until(lambda: (self._client.ended and not self._client.buffer) or None)
        except BrokenMessage:
            pass  # the server sees half a request, as it would without us
        except NotHttp:  # chunks that this proxy cannot read: nor can it tell where a next request begins
            await self._pass(self._client, self._upstream, Endless())
        self._upstream.finish()

    async def _response(self, method: str) -> Response:
        """The head of the final response; interim ones are passed on."""

        def look() -> Response | None:
            response = response_in(bytes(self._upstream.buffer), method)
            if response is None and (self._upstream.ended or self._client.lost):
                raise BrokenMessage
            return response

        while True:
            response = await self._until(look)
            self._upstream.consume(len(response.raw))
            if response.status >= 200 or response.status == 101:
                return response
            await self._client.write(response.raw)

    async def _spoil(self, response: Response) -> bool:
        """Pass half of the response, then cut it off; False when there is no half of it to cut off."""
        aborts = self.dice.tampering.mode == "abort"
        if response.body.done and not aborts:
            return False
        self.dice.faulted += 1
        if response.body.done:
            await self._client.write(response.raw[: len(response.raw) // 2])
        elif isinstance(response.body, CountedBody):
            await self._client.write(response.raw)
            await self._pass(self._upstream, self._client, CountedBody(response.body.left // 2))
        else:
            await self._client.write(response.raw)
            first = await self._until(lambda: len(self._upstream.buffer) or self._upstream.ended or None)
            await self._client.write(self._upstream.consume(int(first) // 2))
        if aborts:
            self._client.reset()
        else:
            self._client.close()
        self._upstream.reset()
        return True
