"""Pictures of the console's pages for docs: light and dark, on a desk and on a phone.

    python scripts/console_pictures.py CONSOLE_URL RUN FOLDER      (needs Chromium and Playwright)

RUN is a run that has ended. For the picture of a live one a run is started, and looked at in its fault phase.
"""

import json
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
_WITHIN_MS = 240_000


def picture(browser: Browser, url: str, file: Path, theme: str, viewport: dict[str, int], ready: str) -> None:
    """One page, as it looks once `ready` is there."""
    with browser.new_context(color_scheme=theme, viewport=viewport, device_scale_factor=1.5) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector(ready, timeout=_WITHIN_MS)
        page.wait_for_selector("[data-state=loading]", state="detached", timeout=_WITHIN_MS)
        page.wait_for_timeout(1500)  # charts are drawn after their frames came
        page.screenshot(path=file)


def started(url: str) -> str:
    """The id of a run of the demo shop that has just been started."""
    body = json.dumps({"ad_hoc": {"scenario": "network_delay", "hold": "20s"}}).encode()
    asking = urllib.request.Request(f"{url}/api/v1/runs", body, {"content-type": "application/json"})
    with urllib.request.urlopen(asking, timeout=60) as answer:
        made: dict[str, Any] = json.load(answer)
    return str(made["id"])


def main(url: str, run: str, folder: str) -> int:
    """See the module."""
    chromium, out = shutil.which("chromium"), Path(folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            picture(
                browser, f"{url}/runs/{run}", out / f"console-run-{theme}.png", theme, DESK, "[data-charts]"
            )
            picture(browser, f"{url}/new", out / f"console-new-{theme}.png", theme, DESK, "figure")
            picture(browser, url, out / f"console-home-{theme}.png", theme, DESK, "[data-row]")
        picture(
            browser, f"{url}/runs/{run}", out / "console-phone-light.png", "light", PHONE, "[data-charts]"
        )
        live = f"{url}/runs/{started(url)}"
        now = "[aria-current=step]:has-text('fault')"
        picture(browser, live, out / "console-live-dark.png", "dark", DESK, now)
        browser.close()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
