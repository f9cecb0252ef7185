"""Sample notice, for the person who sets up receivers."""

from datetime import UTC, datetime

from chaos.publish.notifications.notice import Notice
from chaos.publish.notifications.receivers import Unusable, alert, requests
from chaos.publish.notifications.sending import deliver_all
from chaos.settings import Settings


def sample() -> Notice:
    """Nothing has happened."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Notice(
        event="chaoslab.notice.tried",
        subject="experiment",
        name="a-trial",
        run_id=f"trial-{at}",
        title="A trial: nothing has happened",
        why="Somebody tried whether notices arrive here. They do.",
        at=at,
    )


async def tried(settings: Settings) -> tuple[list[str], list[str]]:
    """Who is named, and `who: why` of each who did not take it. An alert is ended as soon as it was made."""
    notice = sample()
    ready, bad = [], []
    try:
        for request in requests(notice, settings):
            ready.append(request)
    except Unusable as error:
        bad = [str(error)]
    calls = list(alert(notice, "trigger", 0, settings))
    whys = [*await deliver_all([*ready, *calls]), *bad]
    called = {each.who for each in calls if not any(why.startswith(f"{each.who}: ") for why in whys)}
    ends = [each for each in alert(notice, "resolve", 0, settings) if each.who in called]
    whos = [each.who for each in (*ready, *calls)]
    return [*whos, *(why.partition(": ")[0] for why in bad)], [*whys, *await deliver_all(ends)]
