"""What to do about a symptom: advice as YAML, one file a fault, and `any.yaml` for all of them."""

from functools import cache
from pathlib import Path

import yaml

HERE = Path(__file__).parent


def advice(fault: str, symptom: str) -> str | None:
    """What to do about a symptom seen under a fault; None when nothing is known."""
    return _known(fault).get(symptom) or _known("any").get(symptom)


@cache
def everything() -> frozenset[str]:
    """Every advice there is."""
    return frozenset(what for path in HERE.glob("*.yaml") for what in _known(path.stem).values())


@cache
def _known(fault: str) -> dict[str, str]:
    path = HERE / f"{fault}.yaml"
    if not fault.isidentifier() or not path.exists():
        return {}
    return {
        str(name): " ".join(str(words).split()) for name, words in yaml.safe_load(path.read_text()).items()
    }
