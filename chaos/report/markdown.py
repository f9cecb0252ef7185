"""Markdown of others' words: each stays in one line and in its cell, and none of it is markup."""

from collections.abc import Iterable, Mapping, Sequence

from chaos.report.plain import plain
from chaos.text.inert import cell, markdown

Row = Mapping[str, str]


def section(title: str, *texts: str) -> str:
    """A heading and what is below it; nothing when there is nothing."""
    return "\n\n".join((f"## {title}", *(text for text in texts if text))) if any(texts) else ""


def reasons(found: Iterable[tuple[str, str]]) -> str:
    """Names in bold with their reasons."""
    return "\n".join(f"- **{line(name)}**: {line(why)}" for name, why in found)


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line(each)}" for each in lines)


def table(rows: Sequence[Row]) -> str:
    """Without the column `why`: a page of Prefect shows a wide table cut off."""
    if not rows:
        return ""
    names = [name for name in rows[0] if name != "why"]
    lines = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(cell(plain(each)) for each in cells) + " |" for cells in lines)


def line(text: str) -> str:
    """One line, whatever came from an app or a manifest."""
    return markdown(plain(text))


def rendered(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Rows for a table whose cells are read as Markdown, each for itself, as Prefect's tables are."""
    return [{name: line(value) for name, value in row.items()} for row in rows]
