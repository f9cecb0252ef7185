"""Who asks: this machine's user, or the holder of a token; and what that one may do."""

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from fastapi import Request

from flows.console.problems import Refused
from flows.console.sessions import Sessions, digest_of
from flows.server.door.peer import owner

Role = Literal["viewer", "operator", "worker"]
RIGHTS: Mapping[Role, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "operate", "upload"}),
    "worker": frozenset({"upload"}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and by which right."""

    name: str
    role: Role
    read_only: bool = False
    """The console shows, and changes nothing but the switch."""

    def may(self, right: str) -> bool:
        """Whether it is allowed to `read`, `operate`, `halt` or `upload`."""
        if right == "halt":  # whoever may operate may always end everything
            return self.role == "operator"
        return right in RIGHTS[self.role] and not (
            self.read_only and self.role == "operator" and right != "read"
        )


class Tokens(Protocol):
    """Where tokens are kept, by their hashes."""

    def holder(self, sha256: str) -> tuple[str, Role] | None:
        """Name and role of the token with that hash; None for one that is unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Tells who asks."""

    tokens: Tokens
    read_only: bool
    sessions: Sessions
    local: bool
    """Whether this machine's user needs no token: a console on the loopback."""

    def person(self, authorization: str | None, cookies: str, scope: Mapping[str, Any]) -> Person | None:
        """Who sent this request; None when that cannot be told. A token that is sent decides alone."""
        if authorization is not None:
            return self._bearer(authorization)
        if (sha256 := self.sessions.token(cookies)) and (person := self.holder(sha256)):
            return person
        if not self.local or not (uid := self._neighbour(scope)):
            return None
        return Person(uid, "operator", self.read_only)

    def holder(self, sha256: str) -> Person | None:
        """Whose token that is."""
        found = self.tokens.holder(sha256)
        return Person(found[0], found[1], self.read_only) if found else None

    def _bearer(self, authorization: str) -> Person | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None
        return self.holder(digest_of(token))

    def _neighbour(self, scope: Mapping[str, Any]) -> str:
        """The name of the user whose process is at the other end; empty when it is neither ours nor root's."""
        client, server = scope.get("client"), scope.get("server")
        if not client or not server:
            return ""
        uid = owner((client[0], client[1]), (server[0], server[1]))
        return _name_of(uid) if uid is not None and uid in (os.getuid(), 0) else ""


NOBODY = "this console answers its own user, and holders of a token"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def person_of(request: Request) -> Person | None:
    """Who sent it; the guard has told already. Nobody for what is open to everybody."""
    found: Person | None = request.state.person
    return found


def needs(right: str) -> Callable[[Request], Person]:
    """A dependency of routes that only those may use who have this right."""

    def check(request: Request) -> Person:
        person = person_of(request)
        if person is None:
            raise Refused("unauthenticated", NOBODY, headers={"www-authenticate": "Bearer"})
        if person.may(right):
            return person
        if person.read_only and person.role == "operator":
            raise Refused("forbidden", "this console was started with --read-only")
        raise Refused("forbidden", f"the role {person.role} may not do this")

    return check
