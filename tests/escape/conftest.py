"""Says which identities are not tried, and why: nothing is left out in silence."""

from tests.escape.identities import IDENTITIES

_ALL = ("local-root", "local-user", "container", "image", "e2b")


def pytest_report_header() -> str:
    """One line."""
    left_out = [name for name in _ALL if name not in IDENTITIES]
    why = f"; not tried: {', '.join(left_out)}: that needs root" if left_out else ""
    return f"escape attempts as: {', '.join(IDENTITIES)}{why}"
