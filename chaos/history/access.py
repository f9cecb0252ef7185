"""Access records of the API: idempotency keys, tokens, the audit. They cannot be rebuilt from runs."""

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from chaos.history.errors import BadQuestion, HistoryError, Unknown
from chaos.history.models import AuditRow, IdempotencyClaim, Token
from chaos.history.rows import askable
from chaos.history.tables import AUDIT, REQUESTS, TOKENS

KEPT_MS = 24 * 3600 * 1000
_ONCE_A_MINUTE_MS = 60_000
_MOST = 1000


def claim(connection: Connection, principal: str, key: str, body_sha256: str, at_ms: int) -> IdempotencyClaim:
    """See History."""
    _check(principal=principal, key=key, body_sha256=body_sha256)
    connection.execute(delete(REQUESTS).where(REQUESTS.c.at_ms <= at_ms - KEPT_MS))
    mine = (REQUESTS.c.principal == principal, REQUESTS.c.key == key)
    found = connection.execute(select(REQUESTS).where(*mine)).mappings().first()
    if found is not None:
        return IdempotencyClaim(False, found["body_sha256"] == body_sha256, found["run"])
    said = {"principal": principal, "key": key, "body_sha256": body_sha256, "run": None, "at_ms": at_ms}
    connection.execute(insert(REQUESTS), said)
    return IdempotencyClaim(True, True, None)


def fulfil(connection: Connection, principal: str, key: str, run: str) -> None:
    """See History."""
    mine = (REQUESTS.c.principal == principal, REQUESTS.c.key == key)
    connection.execute(update(REQUESTS).where(*mine).values(run=run))


def release(connection: Connection, principal: str, key: str) -> None:
    """See History."""
    mine = (REQUESTS.c.principal == principal, REQUESTS.c.key == key)
    connection.execute(delete(REQUESTS).where(*mine, REQUESTS.c.run.is_(None)))


def add_token(connection: Connection, token: Token) -> None:
    """See History."""
    _check(name=token.name, role=token.role, sha256=token.sha256)
    if connection.scalar(select(TOKENS.c.name).where(TOKENS.c.name == token.name)) is not None:
        raise HistoryError(f"there is a token called {token.name} already")
    connection.execute(insert(TOKENS), asdict(token))


def token_of(connection: Connection, sha256: str) -> Token | None:
    """See History."""
    if not askable(sha256):
        return None
    found = connection.execute(select(TOKENS).where(TOKENS.c.sha256 == sha256)).mappings().first()
    return None if found is None else Token(**found)


def tokens(connection: Connection) -> tuple[Token, ...]:
    """See History."""
    found = connection.execute(select(TOKENS).order_by(TOKENS.c.name)).mappings()
    return tuple(Token(**each) for each in found)


def revoke_token(connection: Connection, name: str, at_ms: int) -> None:
    """See History."""
    _check(name=name)
    where = (TOKENS.c.name == name, TOKENS.c.revoked_ms.is_(None))
    if connection.execute(update(TOKENS).where(*where).values(revoked_ms=at_ms)).rowcount == 0:
        raise Unknown(f"there is no token called {name} that is not revoked already")


def used_token(connection: Connection, name: str, at_ms: int) -> None:
    """See History."""
    connection.execute(update(TOKENS).where(TOKENS.c.name == name).values(last_used_ms=at_ms))


def was_used(connection: Connection, name: str, at_ms: int) -> bool:
    """Whether its use is written down already, of the last minute."""
    last = connection.scalar(select(TOKENS.c.last_used_ms).where(TOKENS.c.name == name))
    return last is not None and at_ms - last < _ONCE_A_MINUTE_MS


def add_audit(connection: Connection, row: AuditRow) -> int:
    """See History."""
    said = {"at_ms": row.at_ms, "who": row.who, "from": row.from_, "what": row.what}
    done = connection.execute(
        insert(AUDIT).returning(AUDIT.c.id), {**said, "on": row.on, "answer": row.answer}
    )
    return int(done.scalar_one())


def audit(connection: Connection, limit: int, before: int | None) -> tuple[AuditRow, ...]:
    """See History."""
    if not 1 <= limit <= _MOST:
        raise BadQuestion(f"limit: {limit} is not between 1 and {_MOST}")
    asked = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(AUDIT.c.id < before)
    return tuple(
        AuditRow(**{("from_" if key == "from" else key): value for key, value in each.items()})
        for each in connection.execute(asked).mappings()
    )


def _check(**words: str) -> None:
    for name, value in words.items():
        if not askable(value):
            raise BadQuestion(f"{name}: nothing that can be kept")
