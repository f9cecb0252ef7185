"""A mail server that answers: it speaks SMTP (RFC 5321) with STARTTLS, TLS at once and AUTH, and replies as it is told.

It keeps what it was sent, and whether a password came over a wire in the clear.
"""

import base64
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class MailServer:
    """What it answers, and what it got."""

    certificate: Path | None = None
    """With its key in one file; without it there is no TLS."""
    at_once: bool = False
    """TLS from the first byte."""
    replies: dict[str, list[str]] = field(default_factory=dict)
    """Verb -> its next replies, before the usual one; "hang up" ends the connection."""
    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    in_the_clear: list[str] = field(default_factory=list)
    """Verbs of a login, of a sender or of a message that came without TLS."""
    greetings: list[str] = field(default_factory=list)

    def context(self) -> ssl.SSLContext:
        """For its side."""
        assert self.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context


class _Conversation(socketserver.StreamRequestHandler):
    server: "_Listening"

    def setup(self) -> None:
        self.safe = self.server.mail.at_once
        if self.safe:
            self.request = self.server.mail.context().wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def handle(self) -> None:
        self._say(self._next("HELLO") or "220 mail.test ESMTP")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            if not self._heed(verb.upper(), rest):
                return

    def _next(self, verb: str) -> str | None:
        left = self.server.mail.replies.get(verb)
        return left.pop(0) if left else None

    def _heed(self, verb: str, rest: str) -> bool:
        mail = self.server.mail
        if verb in ("AUTH", "MAIL", "DATA") and not self.safe:
            mail.in_the_clear.append(verb)
        if reply := self._next(verb):
            if reply != "hang up":
                self._say(reply)
            return reply != "hang up"
        answer = getattr(self, f"_{verb.lower()}", lambda _: self._say("250 fine"))
        answer(rest)
        return verb != "QUIT"

    def _ehlo(self, who: str) -> None:
        self.server.mail.greetings.append(who)
        offers = ["mail.test"]
        if self.server.mail.certificate is not None and not self.safe:
            offers.append("STARTTLS")
        if self.safe:
            offers.append("AUTH PLAIN")
        self._say(*(f"250{' ' if each is offers[-1] else '-'}{each}" for each in offers))

    def _starttls(self, _: str) -> None:
        self._say("220 go ahead")
        self.rfile.close()
        self.wfile.close()
        self.request = self.server.mail.context().wrap_socket(self.request, server_side=True)
        self.safe = True
        super().setup()

    def _auth(self, said: str) -> None:
        self.server.mail.logins.append(base64.b64decode(said.rpartition(" ")[2]))
        self._say("235 welcome")

    def _rcpt(self, whom: str) -> None:
        self.server.mail.recipients.append(whom)
        self._say("250 fine")

    def _data(self, _: str) -> None:
        self._say("354 end with a dot")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.mail.messages.append(b"".join(lines))
        self._say(self._next("STORED") or "250 stored")

    def _quit(self, _: str) -> None:
        self._say("221 bye")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Listening(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mail: MailServer

    def handle_error(self, *_: object) -> None:
        """A client that does not trust us hangs up."""


@contextmanager
def mail_server(mail: MailServer) -> Iterator[MailServer]:
    """Serve while the block lasts."""
    with _Listening(("127.0.0.1", 0), _Conversation) as server:
        server.mail = mail
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join()


def certificate(folder: Path) -> Path:
    """One for 127.0.0.1 that trusts in itself, and its key, in one file."""
    made = folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "3650"]
    subprocess.run(
        [*command, *names, "-keyout", made, "-out", folder / "cert"], check=True, capture_output=True
    )
    made.write_bytes(made.read_bytes() + (folder / "cert").read_bytes())
    return made
