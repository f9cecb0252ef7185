"""What the guard asks of the history: whose a token is, and that a change is written down."""

import logging
import time
from dataclasses import dataclass
from typing import get_args

from chaos.history.errors import HistoryError
from chaos.history.models import AuditRow
from chaos.history.store import History
from flows.console.people import Role

_LOG = logging.getLogger("chaoslab.console")


@dataclass(frozen=True, slots=True)
class Kept:
    """One history, as doorkeeper's tokens and as audit."""

    history: History

    def holder(self, sha256: str) -> tuple[str, Role] | None:
        """See Tokens. A history that is away opens nothing."""
        now = round(time.time() * 1000)
        try:
            token = self.history.token_of(sha256)
            if token is None or token.revoked_ms is not None or (token.expires_ms or now + 1) <= now:
                return None
            self.history.used_token(token.name, now)
        except HistoryError as error:
            _LOG.error("a token cannot be looked up: %s", error)
            return None
        role = next((each for each in get_args(Role) if each == token.role), None)
        return (token.name, role) if role else None

    def note(self, who: str, where: str, what: str, on: str, answer: int) -> None:
        """See Audit. A change that cannot be written down has happened all the same: then the log has it."""
        row = AuditRow(
            at_ms=round(time.time() * 1000), who=who, from_=where, what=what, on=on, answer=str(answer)
        )
        try:
            self.history.add_audit(row)
        except HistoryError as error:
            _LOG.error("not in the audit (%s): %s %s %a by %a from %s", error, answer, what, on, who, where)
