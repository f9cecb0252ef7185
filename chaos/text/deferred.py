"""Regular expressions that are compiled when they are first used, where most runs use few of many."""

import re
from typing import Any, cast


def deferred(text: str, flags: int = 0) -> re.Pattern[str]:
    """The same as `re.compile`, later; a pattern that is wrong is told only then."""
    return cast("re.Pattern[str]", Deferred(text, flags))


class Deferred:
    """Stands for a compiled pattern and becomes one; each method is looked up once."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def compiled(self) -> re.Pattern[str]:
        """The pattern that it stands for."""
        return re.compile(self._text, self._flags)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.compiled(), name)
        setattr(self, name, found)
        return found
