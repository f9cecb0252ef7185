"""A game day of small real experiments: an HTTP server that is killed, and comes back or does not."""

from pathlib import Path

from tests.flows.manifests import TEXT

DAY = """
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: DAYNAME, labels: {team: flows}}
spec:
  purpose: See whether the server comes back.
  participants: [Ada]
  schedule: {cron: "0 9 * * 2", timezone: Europe/Berlin}
  onDeviation: continue
  stages:
    - name: warm up
      parallel: 2
      experiments: [{name: DAYNAME-one}, {name: DAYNAME-weak, hold: 600ms}]
      goNoGo: [{type: approval, question: Shall it go on?, within: 60s}]
    - name: the real thing
      experiments: [{name: DAYNAME-three}]
"""


def write_day(folder: Path, name: str = "small", day: str = DAY) -> Path:
    """The day's file, its experiments beside it; their names begin with the day's."""
    (folder / "app").mkdir(parents=True)
    (folder / "app/index.html").write_text("here\n")
    for which, restart in (("one", "always"), ("three", "always"), ("weak", "never")):
        text = TEXT.format(restart=restart, hold="500ms", retries=0, more="  onPush: false\n")
        text = text.replace("name: killed", f"name: {name}-{which}")
        text = text.replace("baseline: 1s, recovery: 3s", "baseline: 500ms, recovery: 2s")
        (folder / f"{which}.yaml").write_text(text)
    (folder / "day.yaml").write_text(day.replace("DAYNAME", name))
    return folder / "day.yaml"
