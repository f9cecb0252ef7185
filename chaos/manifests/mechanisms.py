"""Mechanisms of each fault, for each provider, and why the others cannot be used there."""

from collections.abc import Iterator, Mapping, Sequence

from chaos.faults.support.base import Fault
from chaos.sandboxes.union import SPECS

_TOLD: Mapping[str, str] = {"nfqueue": "a kernel packet queue (nfqueue)", "tun": "a TUN device (tun)"}


def in_words(fault: Fault, provider: str) -> str | None:
    """What will be tried in which order, and why not the rest; None when there is no choice to explain."""
    names = fault.mechanisms
    unfit = {**SPECS[provider].lacks, **fault.unfit()}
    fit = [_TOLD.get(name, name) for name in names if name not in unfit]
    if len(names) == 1 or not fit:
        return None
    return "; ".join((f"by {', else '.join(fit)}", *_others(names, unfit)))


def _others(names: Sequence[str], unfit: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        if name in unfit:
            yield f"not by {name}: {unfit[name]}"
