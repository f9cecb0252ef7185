"""New lines of a game day for a terminal: what happened since the last call. Pure."""

from collections.abc import Iterator

from chaos.game_days.day import Day


def new_lines(before: Day | None, now: Day) -> Iterator[str]:
    """A line for each stage, run and decision that is new."""
    stages = {stage.name: stage for stage in before.stages} if before else {}
    for stage in now.stages:
        was = stages.get(stage.name)
        if was is None:
            yield f"{stage.name}:"
        told = {(each.experiment, each.follow_up_of) for each in was.ran if each.ended_at} if was else set()
        for each in stage.ran:
            if each.ended_at is not None and (each.experiment, each.follow_up_of) not in told:
                after = f", after {each.follow_up_of}" if each.follow_up_of else ""
                yield f"  {each.experiment}{after}: {each.verdict}"
        for decision in stage.decisions[len(was.decisions) if was else 0 :]:
            yield f"  {'go' if decision.go else 'no-go'}, by {decision.by}: {decision.why}"
