"""A game day as a person starts it tells whoever is named, and a receiver that refuses changes nothing of it."""

import json
from pathlib import Path

from tests import lab as labs
from tests.lab import WEB
from tests.publish.notifications.test_sending import Receiver, receiver

__all__ = ["receiver"]

DAY = """\
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: friday}
spec:
  purpose: Ready for the sale?
  stages: [{name: all, experiments: [{name: one}]}]
"""


def test_a_day_and_its_run_that_deviated_are_told_of_and_end_as_they_would_have(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [401]
    with labs.lab(tmp_path) as lab:
        lab.variables |= {"CHAOSLAB_NOTICE_URL": receiver.url, "CHAOSLAB_NOTICE_SLACK_URL": receiver.url}
        lab.manifest(process={**WEB, "restart": "never"})
        (lab.folder / "day.yaml").write_text(DAY)
        done = lab.run(lab.folder / "day.yaml")
    assert done.code == 1
    told = [json.loads(body) for _, body in receiver.sent if b"blocks" not in body]
    assert [(each["event"], each["subject"]["name"]) for each in told] == [
        ("chaoslab.game_day.started", "friday"),
        ("chaoslab.run.deviated", "one"),
        ("chaoslab.game_day.ended", "friday"),
    ]
    assert told[-1]["verdict"] == "deviated"
    assert len(receiver.sent) == 2 * len(told)
    said = done.out + done.err
    assert said.count("no notice: CHAOSLAB_NOTICE_") == len(receiver.sent)
    assert "Traceback" not in said
    assert receiver.url not in said
