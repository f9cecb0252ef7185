"""One end of a TCP connection in TLS: its bytes are those inside, its ends those of TLS and TCP both (RFC 8446)."""

import contextlib
import ssl
from weakref import WeakKeyDictionary

from chaos.faults.http.relay import HandshakeRefused
from chaos.faults.http.wire import Wire

_PIECE = 64 * 1024
_SPOKEN = {False: ["http/1.1"], True: ["h2"]}
"""By ALPN (RFC 7301): what this proxy reads. A client that offers both falls back to it."""


class Secured(Wire):
    """Takes a plain wire's place, with what came on it already; `made` waits for the handshake."""

    def __init__(self, plain: Wire, context: ssl.SSLContext, name: str | None = None) -> None:
        super().__init__(plain.news)
        self.transport = plain.transport
        self.ended, self.lost, self.was_reset = plain.ended, plain.lost, plain.was_reset
        self.failed: str | None = None
        """Why TLS ended otherwise than in order."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        serves = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=serves, server_hostname=None if serves else name
        )
        self._ready = self._left = False
        if not self.lost:
            self.transport.set_protocol(self)
            self._incoming.write(plain.consume(len(plain.buffer)))
            self._turn()

    async def made(self) -> bool:
        """Whether the handshake came to a good end."""
        while not self._ready and not self.ended and not self.failed:
            self.news.clear()
            await self.news.wait()
        return self._ready

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._turn()

    def eof_received(self) -> bool:
        self._incoming.write_eof()
        self._turn()
        return super().eof_received()

    async def write(self, data: bytes) -> None:
        if data:
            await super().write(data)

    def put(self, data: bytes) -> None:
        if not self.failed:
            self.tls.write(data)
            super().put(self._outgoing.read())

    def finish(self) -> None:
        self._take_leave()
        super().finish()

    def close(self) -> None:
        self._take_leave()
        super().close()

    def _take_leave(self) -> None:
        """Send close_notify, once."""
        if self._ready and not (self._left or self.failed or self.lost or self.transport.is_closing()):
            self._left = True
            with contextlib.suppress(ssl.SSLError):  # it would wait for the other end's, which may not come
                self.tls.unwrap()
            self._flush()

    def _turn(self) -> None:
        """Read what there is: the handshake first, then bytes, then the end."""
        try:
            if not self._ready:
                self.tls.do_handshake()
                self._ready = True
            while piece := self.tls.read(_PIECE):
                self.took(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        except ssl.SSLError as error:
            self.failed = error.reason or str(error)
            self.ended = self.was_reset = True
        self._flush()
        self.news.set()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.lost:
            self.transport.write(self._outgoing.read())


class Terms:
    """How TLS is spoken on both sides: with our certificate to clients, and to servers whoever they say they are."""

    def __init__(self, certificate: str, key: str, *, streams: bool = False) -> None:
        self._downward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._downward.load_cert_chain(certificate, key)
        self._downward.set_alpn_protocols(_SPOKEN[streams])
        self._downward.sni_callback = lambda one, name, _: self._asked.__setitem__(one, name)
        self._upward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._upward.check_hostname, self._upward.verify_mode = False, ssl.CERT_NONE
        self._upward.set_alpn_protocols(_SPOKEN[streams])
        self._asked: WeakKeyDictionary[ssl.SSLObject, str | None] = WeakKeyDictionary()

    async def to_client(self, client: Wire) -> tuple[Secured, str | None]:
        """The client's end, and the server's name that it asked for (RFC 6066 section 3). Raises HandshakeRefused."""
        secured = Secured(client, self._downward)
        if not await secured.made():
            raise HandshakeRefused("distrusted" if "ALERT" in (secured.failed or "") else "unfinished")
        return secured, self._asked.get(secured.tls)

    async def to_server(self, upstream: Wire, name: str | None) -> Secured:
        """The server's end. Raises HandshakeRefused."""
        secured = Secured(upstream, self._upward, name)
        if not await secured.made():
            raise HandshakeRefused("tls-refused")
        return secured
