"""Comparison of the dashboard that was sent with the one that Grafana keeps."""

from collections.abc import Mapping, Sequence
from typing import Any

ITS_OWN = {"id", "version"}
"""Keys at the top that Grafana fills in."""


def first_difference(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> str | None:
    """Where it first differs, as a path; None when everything that was sent is there."""
    return _difference({key: value for key, value in sent.items() if key not in ITS_OWN}, kept, "")


def _difference(sent: Any, kept: Any, path: str) -> str | None:
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for key, value in sent.items():
            if key not in kept and value is not None:
                return f"{path}.{key}".lstrip(".")
            if key in kept and (found := _difference(value, kept[key], f"{path}.{key}")):
                return found
        return None
    if _is_list(sent) and _is_list(kept) and len(sent) == len(kept):
        for index, (one, other) in enumerate(zip(sent, kept, strict=True)):
            if found := _difference(one, other, f"{path}[{index}]"):
                return found
        return None
    return None if sent == kept else path.lstrip(".") or "all of it"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
