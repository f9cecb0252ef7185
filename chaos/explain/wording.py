"""Numbers with their nouns."""


def counted(many: int, noun: str, plural: str = "") -> str:
    """`1 line`, `1,234 lines`."""
    return f"{many:,} {noun if many == 1 else plural or f'{noun}s'}"


def times(many: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(many, f"{many:,} times")
