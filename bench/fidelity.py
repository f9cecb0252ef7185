"""Asked versus delivered: every fault of the union at two values, as a table, and whether each keeps its bound.

    python -m bench.fidelity [--check] [FAULT ...] > docs/fidelity.md

Progress is told on standard error. Nothing is left out: what could not be injected has a row that says why.
"""

import dataclasses
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import bounds
from bench.fidelity_runs import RATE, Row, fields_of, measure
from chaos.faults import FAULTS
from chaos.sandboxes.local.spec import LocalSandbox


def number(value: float | str | None) -> str:
    """Four digits that matter; a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def ms(value: float | None) -> str:
    """Milliseconds with their sign."""
    return "–" if value is None else f"{value:+.0f}"


def error_of(asked: float | str, given: float | str | None) -> str:
    """Delivered less asked, and as a share of what was asked."""
    if given is None:
        return "–"
    if isinstance(asked, str) or isinstance(given, str):
        return "none" if asked == given else "other"
    off = given - asked
    return f"{off:+.3g}" + (f" ({off / asked:+.2%})" if asked else "")


def cells(each: Row) -> list[str]:
    """One line of the table."""
    fields = ", ".join(f"{name}: {value}" for name, value in each.fields.items()) or "defaults"
    if each.step is None:
        return [f"`{each.fault}`", fields, *["–"] * 6, "**not injected**", f"**no**: {each.why}", *["–"] * 6]
    step = each.step
    first = next(iter(step.asked))
    asked, given = step.asked[first], step.delivered.get(first)
    low, high = step.delivered.get("low"), step.delivered.get("high")
    interval = "–" if low is None or high is None else f"{number(low)} … {number(high)}"
    return [
        f"`{each.fault}`",
        f"{fields} → {first} {number(asked)}",
        number(given),
        interval,
        error_of(asked, given),
        number(step.delivered.get("samples")),
        step.mechanism,
        step.kind,
        "yes" if step.landed else f"**no**: {step.why}",
        kept(each),
        ms(each.hold_error_ms),
        ms(each.undo_ms),
        ms(each.felt_from_ms),
        ms(each.felt_until_ms),
        "–" if each.resolution_ms is None else f"{each.resolution_ms:.0f}",
        "; ".join(step.residue) or "none",
    ]


def kept(each: Row) -> str:
    """Whether the row keeps what is promised, and what that is."""
    missed, second = bounds.missed(each), " (second run)" if each.again else ""
    if missed:
        return f"**no**{second}: {'; '.join(missed)}"
    return f"{bounds.promised(each) or 'yes'}{second}"


HEAD = (
    "fault", "asked", "delivered", "95 % interval", "error", "samples", "mechanism", "kind", "landed", "kept",
    "hold error, ms", "undo, ms", "felt from, ms", "felt until, ms", "resolution, ms", "residue",
)  # fmt: skip
PREFACE = """\
# Fidelity: asked and delivered

Made by `python -m bench.fidelity > docs/fidelity.md`: every fault of the catalogue at two values, each in a sandbox
of its own, from this repository's manifests with shorter phases. What was delivered is measured from the side, never by
the app's own metrics, and judged by the fault's own rule ([manifest.md](manifest.md) says what each does).

* **error**: delivered less asked, in the unit of the name; in brackets as a share of what was asked.
* **kept**: the bound that is promised, where the row keeps it. Every row must have landed, must have been held as long
  as asked ± {hold:.0f} ms, must leave nothing, and its recovery time must be known to {resolution:.0f} ms. Besides:
  the median of a delay within 1 ms or 1 %; shares inside their binomial interval (99.9 %, as many are looked at; loss
  of at least 10,000 packets); rates ± 5 %; memory, disk and counts ± 1 %; CPU ± 3 points. What misses its bound is run
  once more and says so.
* **hold error**: how much longer than asked the fault was held. **undo**: how long it took to take it away.
* **felt from**: when the first request that felt it was sent, less when the fault was said to be in place: below zero
  where it takes a moment to see that it is in place. **felt until**: when the first that no longer did was sent, less
  when it was said to be gone; an app that needs time to recover makes this long. Both are seen through a load of {rate}
  requests a second, so to {step:.0f} ms; a dash where the app's requests do not tell.
* **resolution**: how exactly the recovery time of that run is known, by a probe that looks a hundred times a second.
* A sandbox's disks are in memory, without a device: `io_stress` says `emulated` there.
* `sandbox_freeze` and `sandbox_offline` are a provider's doing: measured when named, with an E2B account.
"""


def lines(rows: Sequence[Row], took_s: float) -> Iterator[str]:
    """The whole page."""
    yield PREFACE.format(rate=RATE, step=1000 / RATE, hold=bounds.HOLD_MS, resolution=bounds.RESOLUTION_MS)
    yield "| " + " | ".join(HEAD) + " |"
    yield "|" + "---|" * len(HEAD)
    for each in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells(each)) + " |"
    landed = sum(1 for each in rows if each.step is not None and each.step.landed)
    left = sum(len(each.step.residue) for each in rows if each.step is not None)
    yield ""
    kept_all = sum(not bounds.missed(each) for each in rows)
    yield (
        f"{landed} of {len(rows)} landed; {kept_all} of {len(rows)} keep their bounds; {left} things were left behind. "
        f"{took_s:.0f} s in all."
    )
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    yield (
        f"Linux {platform.release()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end, Python "
        f"{platform.python_version()}, as {who}, {time.strftime('%Y-%m-%d', time.gmtime())}."
    )


def measured(fault: str, fields: Mapping[str, Any], out: Path) -> Row:
    """One row; when it misses its bound, one more, which counts: a machine may be busy once."""
    first = measure(fault, fields, out)
    if not bounds.missed(first):
        return first
    print(f"once more: {fault} {dict(fields)}: {bounds.missed(first)}", file=sys.stderr, flush=True)
    return dataclasses.replace(measure(fault, fields, out), again=True)


def main() -> None:
    """Run, tell the progress, print the page; the exit code is 1 when `--check` is said and a row misses its bound."""
    wanted = [word for word in sys.argv[1:] if word != "--check"] or [
        fault for fault, kind in FAULTS.items() if kind.requires <= LocalSandbox.provides
    ]
    began, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="chaoslab-fidelity-") as out:
        for fault in wanted:
            for fields in fields_of(fault):
                rows.append(measured(fault, fields, Path(out)))
                print(" | ".join(cells(rows[-1])), file=sys.stderr, flush=True)
    print("\n".join(lines(rows, time.monotonic() - began)))
    sys.exit("--check" in sys.argv and any(map(bounds.missed, rows)))


if __name__ == "__main__":
    main()
