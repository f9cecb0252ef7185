"""How often verdicts are wrong: every decision, over made-up runs whose truth is known.

    python -m bench.operating_characteristics [ROUNDS]

Prints the tables of docs/statistics.md and, at the end, what is beyond what is promised; then the exit code is 1. By
seeds, so that the numbers are the same every time. What has only a few outcomes is summed up exactly instead of drawn.
"""

import sys
from collections.abc import Iterator

from bench import deciding, estimating, landing, series
from bench.promises import Table, broken, markdown


def tables(rounds: int) -> Iterator[Table]:
    """All of them."""
    yield deciding.budgets(rounds)
    yield deciding.under_fault(rounds)
    yield deciding.delays(rounds)
    yield deciding.many_states(rounds)
    yield deciding.afterwards(rounds)
    yield deciding.dependence(rounds)
    yield deciding.error_rates(rounds)
    yield series.series()
    yield series.provable()
    yield series.carried_out(rounds)
    yield deciding.shares()
    yield landing.over_the_hold(rounds)
    yield estimating.outages(rounds)
    yield estimating.flapping(rounds)
    yield estimating.coverage(rounds)
    yield estimating.wilson()
    yield estimating.recovery_over_trials(rounds)
    yield estimating.same_twice(rounds)


def main() -> None:
    """Print everything; exit with 1 when a promise is broken."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    wrong: list[str] = []
    for table in tables(rounds):
        print(markdown(table), flush=True)
        wrong += broken(table)
    print("\n".join(wrong) or "every figure is within what is promised")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
