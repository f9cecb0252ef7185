"""A run as a person starts it tells whoever is named, and a receiver that refuses changes nothing of it."""

import json
from pathlib import Path

from tests import lab as labs
from tests.lab import WEB
from tests.notices.test_sending import Receiver, receiver

__all__ = ["receiver"]


def test_a_run_that_deviated_is_told_of_and_ends_as_it_would_have(tmp_path: Path, receiver: Receiver) -> None:
    with labs.lab(tmp_path) as lab:
        receiver.answers = [200, 401]
        lab.variables |= {"CHAOSLAB_NOTICE_URL": receiver.url, "CHAOSLAB_NOTICE_SLACK_URL": receiver.url}
        done = lab.run("--json", lab.manifest(process={**WEB, "restart": "never"}))
    assert (done.code, done.result.verdict) == (1, "deviated")
    (told,) = [json.loads(body) for _, body in receiver.sent if b"blocks" not in body]
    assert (told["event"], told["run_id"]) == ("chaoslab.run.deviated", done.result.run_id)
    assert len(receiver.sent) == 2
    done.assert_explained("no notice: CHAOSLAB_NOTICE_", "HTTP 401")
    assert receiver.url not in done.err
