"""Status for people: a table for the terminal, and the same as Markdown."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chaos.gitops.account import LastSync
from chaos.gitops.status import ManifestStatus
from chaos.text.inert import cell, markdown, one_line

MOST_ROWS = 500
"""Of a page; those that need a look come first, and the others are counted."""
_WIDE = 100


def heading(account: LastSync) -> str:
    """`https://…/shop main:experiments at fb9a03f9098d, since 2026-11-23T04:12:00Z`."""
    where = f"{account.repository} {account.branch}:{account.path}"
    if not account.commit:
        return f"{where}, not followed from this machine"
    at = datetime.fromtimestamp(account.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{where} at {account.commit[:12]}, in line since {at}"


def table(rows: Sequence[ManifestStatus]) -> list[str]:
    """Lines in columns."""
    cells = [("EXPERIMENT", "SYNC", "VERDICT", "AGE", "WHY")]
    cells += [
        (one.name, one.sync, one.verdict or "-", age(one.age_s), _clipped(reasons(one))) for one in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return ["  ".join([*(row[at].ljust(widths[at]) for at in range(4)), row[4]]).rstrip() for row in cells]


def page(account: LastSync, rows: Sequence[ManifestStatus]) -> str:
    """Markdown: what the repository looks like now."""
    urgent = sorted(rows, key=lambda one: (one.sync != "Stalled", one.verdict != "deviated", one.name))
    lines = [markdown(heading(account)), "", _counted(rows), ""]
    lines += ["| experiment | sync | verdict | age | why |", "|---|---|---|---|---|"]
    for one in urgent[:MOST_ROWS]:
        cells = (one.name, one.sync, one.verdict or "–", age(one.age_s), reasons(one))
        lines.append(f"| {' | '.join(_cell(each) for each in cells)} |")
    if len(rows) > MOST_ROWS:
        lines += ["", f"… and {len(rows) - MOST_ROWS} more."]
    return "\n".join(lines) + "\n"


def reasons(one: ManifestStatus) -> str:
    """The sentence that matters most: what stands in the way, else what is under way, else what was learnt."""
    if one.condition("Stalled").status == "True":
        return one.condition("Stalled").message
    if one.condition("Reconciling").reason != "Done":
        return one.condition("Reconciling").message
    return one.condition("SteadyStateHeld").message


def age(seconds: float | None) -> str:
    """`42s`, `7m`, `3h`, `12d`."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def _counted(rows: Sequence[ManifestStatus]) -> str:
    def of(word: str) -> int:
        return sum(one.verdict == word for one in rows)

    stalled = sum(one.sync == "Stalled" for one in rows)
    return (
        f"{len(rows)} in all: {of('held')} held, {of('deviated')} deviated, {of('inconclusive')} inconclusive, "
        f"{sum(one.verdict is None for one in rows)} without a run; {stalled} stalled."
    )


def _clipped(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _WIDE else line[: _WIDE - 1] + "…"


def _cell(text: str) -> str:
    return cell(text)
