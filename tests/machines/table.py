"""Rows of the guests as the table of docs/machines.md, and what in them must never be. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
BEGIN, END = "<!-- table -->", "<!-- /table -->"
EARLIER = "†"
"""Behind a cell that is not of this run."""
STILL = "the guest stood still"
_NOTE = re.compile(r"\[(\d+)\]")


def written(page: str, found: Mapping[str, Sequence[Row]]) -> str:
    """The page with a table of these rows between its marks; a cell that is in none of them stays, and is marked."""
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    earlier = cells_of(old)
    known = dict.fromkeys(kind for _, kind in earlier)
    kinds = [name for name, rows in found.items() if rows or name in known]
    rows_first = [str(row["fault"]) for name in kinds for row in found[name]]
    faults = list(dict.fromkeys([*(fault for fault, _ in earlier), *rows_first]))
    lines = ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    notes: dict[str, int] = {}
    for fault in faults:
        cells = []
        for name in kinds:
            row = next((row for row in found[name] if row["fault"] == fault), None)
            was = earlier.get((fault, name))
            shows_less = row is None or row.get("refused") == STILL
            cells.append(as_earlier(was, notes) if was and shows_less else cell(row, notes))
        lines.append(f"| `{fault}` | " + " | ".join(cells) + " |")
    lines += ["", *(f"{number}. {why}" for why, number in notes.items())]
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def cells_of(table: str) -> dict[tuple[str, str], str]:
    """(fault, kind) -> cell of a written table, with the text of each note in place of its number."""
    notes = dict(re.findall(r"^(\d+)\. (.*)$", table, re.MULTILINE))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line[:1] == "|"
    ]
    kinds = rows[0][1:] if rows else []
    return {
        (row[0].strip("`"), kind): _NOTE.sub(lambda found: f"[{notes[found[1]]}]", text)
        for row in rows[2:]
        for kind, text in zip(kinds, row[1:], strict=True)
        if text != "not run"
    }


def as_earlier(text: str, notes: dict[str, int]) -> str:
    """A cell of before, its note numbered anew."""
    if "[" in text:
        head, _, why = text.partition("[")
        why, _, tail = why.rpartition("]")
        text = f"{head}{note(why, notes)}{tail}"
    return text if text.endswith(EARLIER) else f"{text} {EARLIER}"


def cell(row: Row | None, notes: dict[str, int]) -> str:
    """Mechanism, label, landed; a number that leads to the reason where it did not, and what was left."""
    if row is None:
        return "not run"
    left = f"; **{len(row['left'])} left**" if row["left"] else ""
    if "gone_after_s" in row:
        before = f", {len(row['before_gc'])} until `gc`" if row["before_gc"] else ""
        return f"gone after {row['gone_after_s']:.0f} s{before}{left}"
    if "refused" in row:
        return f"refused {note(row['refused'], notes)}{left}"
    residue = f"; **residue {len(row['residue'])}**" if row["residue"] else ""
    if not row["mechanism"]:
        why = row["why"] if row.get("outcome") == "crashed" else row["step_why"] or row["why"]
        return f"not injected {note(why, notes)}{left}"
    label = "" if row["kind"] == "real" else f" ({row['kind']})"
    landed = "landed" if row["landed"] else f"not landed {note(row['step_why'], notes)}"
    killed = (
        f", ended by the {' and '.join(row['killed_by'])}"
        if row["fault"] == "hog" and row["killed_by"]
        else ""
    )
    return f"{row['mechanism']}{label}, {landed}{killed}{residue}{left}"


def note(why: str, notes: dict[str, int]) -> str:
    return f"[{notes.setdefault(' '.join(why.split()).replace('|', '/'), len(notes) + 1)}]"


def hows(found: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, str]]:
    """Kind -> fault -> mechanism and label, of what was injected."""
    return {
        kind: {
            str(row["fault"]): f"{row['mechanism']} ({row['kind']})" for row in rows if row.get("mechanism")
        }
        for kind, rows in found.items()
        if rows
    }


def unseen(wanted: Sequence[str], rows: Sequence[Row], refuses: Mapping[str, str]) -> Iterator[str]:
    """What was to be shown and was not: refused, never injected, nobody killed, no row, a hog that lived.

    `refuses` says which words show what cannot be injected there.
    """
    for fault in wanted:
        row = next((row for row in rows if row["fault"] == fault), {})
        ended = fault != "hog" or row.get("killed_by")
        if fault in refuses and refuses[fault] in row.get("step_why", ""):
            continue
        if not (row.get("mechanism") and ended) and "gone_after_s" not in row:
            yield fault


def differences(
    found: Mapping[str, Sequence[Row]], expected: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """What no machine may show, and what is not as expected, as sentences.

    What could not be injected is told in the table and is no difference: a guest on a busy machine may be too slow.
    """
    for kind, faults in hows(found).items():
        for fault, how in faults.items():
            if (before := expected.get(kind, {}).get(fault, how)) != how:
                yield f"{kind}, {fault}: by {how}, and {before} is expected"
    for kind, rows in found.items():
        if not rows:
            yield f"{kind}: no row"
        for row in rows:
            name = f"{kind}, {row['fault']}"
            if row["left"]:
                yield f"{name}: left behind: {row['left']}"
            if row.get("residue"):
                yield f"{name}: residue: {row['residue']}"
            if row["fault"] == "hog":
                yield from _hog(name, row)


def _hog(name: str, row: Row) -> Iterator[str]:
    """It must have been ended, by who enforces the limit, and seen."""
    if "refused" in row or not row["landed"]:
        yield f"{name}: {row.get('refused') or row['step_why'] or row['why']}"
        return
    enforcer = {"real": ["kernel"], "emulated": ["agent"]}[str(row["memory_kind"])]
    if not row["killed_by"] and not row.get("taken", True):
        return  # the guest was too slow: it never had its memory, and the table says that nobody ended it
    if row["killed_by"] != enforcer or row["kind"] != row["memory_kind"]:
        yield f"{name}: a limit that is {row['kind']} was enforced by {row['killed_by'] or 'nobody'}"
    if row["verdict"] == "held":
        yield f"{name}: held, and the app was ended"
