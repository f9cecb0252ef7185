"""Notices by e-mail: TLS, STARTTLS, or a server on this machine.

Sources: RFC 5321 (replies of 4xx may pass, those of 5xx stay), RFC 3207 (STARTTLS), RFC 8314 (465), RFC 3834
(`Auto-Submitted`, so that nobody's absence is answered), RFC 5322.
"""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, getaddresses
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from chaos.publish.notifications.limits import cut
from chaos.publish.notifications.notice import Notice
from chaos.publish.notifications.requests import SendAttempt
from chaos.text.inert import inert, one_line

_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
_OURSELVES = "[127.0.0.1]"
"""Who says EHLO: the name of this machine is nobody's business, and asking for it may hang."""
_FORMS = "expected smtps://HOST[:465], smtp://HOST[:587] (STARTTLS) or smtp+plain://HOST[:25]"


class MailServer(NamedTuple):
    """Where mail goes."""

    scheme: str
    host: str
    port: int


def server(address: str) -> MailServer:
    """From an address. Raises ValueError with what is allowed, and nothing of what was given."""
    try:
        place = urlsplit(address.strip())
        port = place.port
    except ValueError:
        raise ValueError(_FORMS) from None
    if place.scheme not in _PORTS or not place.hostname or place.path.strip("/") or place.query:
        raise ValueError(_FORMS)
    if place.username or place.password:
        raise ValueError("user and password go into variables of their own")
    return MailServer(place.scheme, place.hostname, port or _PORTS[place.scheme])


def people(addresses: str) -> list[str]:
    """The addresses of a list with commas. Raises ValueError for one that is none."""
    found = [address for _, address in getaddresses([addresses])]
    sound = all(
        address.count("@") == 1 and all(address.split("@")) and " " not in address for address in found
    )
    if not (found and sound and addresses.isprintable()):
        raise ValueError("expected addresses such as team@example.org, with commas between them")
    return found


def letter(notice: Notice, sender: str, to: list[str]) -> EmailMessage:
    """The message: plain text, the same Message-ID for the same thing."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = cut(one_line(notice.title), 200)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{notice.id}@chaoslab.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-ChaosLab-Event"] = notice.event
    facts = {"run": notice.run_id, **notice.facts, **notice.labels, **notice.links}
    about = "\n".join(f"{one_line(key)}: {one_line(each)}" for key, each in facts.items() if each)
    message.set_content(f"{inert(notice.title)}\n\n{inert(notice.why)}\n\n{about}\n")
    return message


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to all who are to have it."""

    server: MailServer
    message: EmailMessage
    sender: str
    to: tuple[str, ...]
    user: str | None
    password: SecretStr | None
    who: str = "CHAOSLAB_NOTICE_SMTP_URL"

    def __repr__(self) -> str:
        return f"Letter({self.who})"

    def attempt(self, within_s: float) -> SendAttempt:
        """Bring it to the server. What the server says is not repeated: it may name what we sent."""
        try:
            return self._sent(within_s)
        except smtplib.SMTPNotSupportedError:
            return SendAttempt(
                "the server offers no STARTTLS, no login, or no addresses with letters beyond ASCII"
            )
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return SendAttempt(
                f"every recipient is refused: SMTP {codes[0]}", all(400 <= code < 500 for code in codes)
            )
        except smtplib.SMTPResponseException as error:
            return SendAttempt(f"SMTP {error.smtp_code}", 400 <= error.smtp_code < 500)
        except smtplib.SMTPServerDisconnected:
            return SendAttempt("the server hung up", again=True)
        except smtplib.SMTPException as error:
            return SendAttempt(type(error).__name__)
        except ssl.SSLError as error:
            return SendAttempt(f"TLS: {error.reason or type(error).__name__}")
        except OSError as error:
            return SendAttempt(type(error).__name__, again=True)
        except ValueError as error:  # a host that is none, a message that cannot be written
            return SendAttempt(type(error).__name__)

    def _sent(self, within_s: float) -> SendAttempt:
        connection = self._connected(within_s)
        try:
            if self.server.scheme == "smtp":
                connection.starttls(context=ssl.create_default_context())
            if self.user and self.password is not None:
                connection.login(self.user, self.password.get_secret_value())
            refused = connection.send_message(self.message, self.sender, list(self.to))
            with suppress(smtplib.SMTPException, OSError):  # it has the message
                connection.quit()
        finally:
            connection.close()
        if refused:
            return SendAttempt(f"{len(refused)} of {len(self.to)} recipients are refused")
        return SendAttempt(None)

    def _connected(self, within_s: float) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if self.server.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, _OURSELVES, timeout=within_s, context=context)
        return smtplib.SMTP(host, port, _OURSELVES, timeout=within_s)
