"""What `validate`, `plan` and `doctor` print with `--json`: the same facts as their words, for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chaos.manifests.yaml.problems import ManifestProblem
from chaos.text.inert import in_json, inert

if TYPE_CHECKING:
    from chaos.cli.examination import Examination
    from chaos.planning.plan import Plan


def validation(
    manifests: Sequence[str], problems: Sequence[Any], notes: Iterable[object], secrets: Sequence[str]
) -> str:
    """What `validate` found."""
    return _text(
        {
            "valid": not problems,
            "manifests": list(manifests),
            "problems": [_problem(each) for each in problems],
            "notes": [inert(str(each)) for each in notes],
            "secrets": list(secrets),
        }
    )


def plans(drawn: "Sequence[tuple[Plan, Sequence[ManifestProblem]]]") -> str:
    """What `plan` says of experiments."""
    return _text([_plan(*each) for each in drawn])


def checks(found: "Iterable[Examination]") -> str:
    """What `doctor` found."""
    return _text([asdict(each) for each in found])


def _plan(plan: "Plan", refusals: Sequence[ManifestProblem]) -> dict[str, Any]:
    order = plan.order()
    return {
        "experiment": plan.name,
        "source": plan.source,
        "digest": plan.digest,
        "seed": plan.seed,
        "declared_s": plan.declared_s,
        "possible": not refusals,
        "refusals": [_problem(each) for each in refusals],
        "plan": {key: value for key, value in order.items() if key not in ("run_id", "python")},
    }


def _problem(said: object) -> dict[str, Any]:
    if isinstance(said, ManifestProblem):
        kept = {"file": said.file, "line": said.line, "column": said.column, "path": said.path}
        return {**kept, "message": inert(said.what)}
    return {"message": inert(str(said))}


def _text(value: Any) -> str:
    return in_json(json.dumps(value, indent=2, ensure_ascii=False))
