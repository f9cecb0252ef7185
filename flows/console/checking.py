"""What would be carried out, and why it must not: read as `chaoslab validate` and `plan` read it. Starts nothing."""

from collections.abc import Mapping
from typing import Any

from chaos.errors import ManifestError
from chaos.manifests.ad_hoc import Wish, written
from chaos.manifests.load import Loaded, experiments
from chaos.manifests.meanings import changed
from chaos.manifests.overriding import Overrides
from chaos.manifests.policy_breaches import forbidden
from chaos.manifests.posted import one, read
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, draw, undecidable
from chaos.text.inert import inert
from flows.console.answers import PlanView, Validation
from flows.console.asked import AdHoc, Start
from flows.console.problems import ProblemDetail, Refused, detail_of, refused_manifest


def validated(text: str) -> Validation:
    """What is wrong with these manifests."""
    loaded, wrong = read(text)
    fine = experiments(loaded)
    problems = [detail_of(each) for each in (*wrong, *(each for one in fine for each in forbidden(one)))]
    notes = [inert(str(note)) for one in fine for note in (*undecidable(one), *changed(one))]
    names = [each.manifest.metadata.name for each in loaded]
    if not loaded and not problems:
        problems = [ProblemDetail(message="there is no manifest in it")]
    return Validation(valid=not problems, manifests=names, problems=problems, notes=notes)


def wish_of(asked: AdHoc) -> Wish:
    """The same words for the library."""
    said: dict[str, Any] = {
        name: None if value == "" else value for name, value in asked.model_dump().items()
    }
    return Wish(**said)


def loaded_of(start: Start) -> Loaded:
    """The experiment that a start without a repository means. Raises Refused."""
    try:
        if start.ad_hoc is not None:
            return written(wish_of(start.ad_hoc))
        assert start.manifest is not None
        return one(start.manifest.yaml)
    except ManifestError as error:
        raise refused_manifest(error) from error


def planned(loaded: Loaded, seed: int | None, overrides: Overrides | None = None) -> PlanView:
    """What would be done, and why it cannot or must not be. Raises Refused."""
    try:
        drawn, refusals = draw(loaded, seed=seed, overrides=overrides)
    except ManifestError as error:
        raise refused_manifest(error) from error
    return PlanView(
        experiment=drawn.name,
        words=inert(describe(drawn, refusals)),
        digest=drawn.digest,
        seed=drawn.seed,
        declared_s=drawn.declared_s,
        plan=_order(drawn),
        refusals=[detail_of(each) for each in refusals],
    )


def _order(drawn: Plan) -> dict[str, Any]:
    order: Mapping[str, Any] = drawn.order()
    return {key: value for key, value in order.items() if key not in ("run_id", "python", "app")}


def must_be_possible(plan: PlanView) -> None:
    """Raises Refused for a plan that cannot or must not be carried out."""
    if plan.refusals:
        many = "1 reason" if len(plan.refusals) == 1 else f"{len(plan.refusals)} reasons"
        raise Refused(
            "manifest-refused", f"{plan.experiment} cannot be carried out, for {many}", plan.refusals
        )


def allowed(start: Start, loaded: Loaded, policy: str) -> None:
    """Whether this console takes such a start: `all`, `images`, `shop` or `off`. Raises Refused."""
    target = loaded.manifest.spec.target
    image, shop = target.image is not None, _is_the_shop(start)
    if policy == "all" or (policy == "images" and (image or shop) and not target.secrets()):
        return
    if policy == "shop" and shop and start.manifest is None:
        return
    raise Refused("forbidden", f"CHAOSLAB_CONSOLE_ADHOC={policy}: this console does not start that")


def _is_the_shop(start: Start) -> bool:
    return start.manifest is not None or (
        start.ad_hoc is not None and not start.ad_hoc.app and not start.ad_hoc.image
    )
