"""Debian's Chromium, driven by Playwright; screenshots stay beside the logs."""

import contextlib
import os
import pathlib
import shutil

import axe_playwright_python
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
AXE = next(pathlib.Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()


class Browser:
    def __init__(self, playwright, folder):
        self.folder = pathlib.Path(os.environ.get("TICKETBUS_TEST_SCREENSHOTS", folder / "screenshots"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        self.errors = []

    def page(self, url, token, theme="light", width=1440, height=900, name="agent-planner"):
        """A page of its own session, signed in."""
        page = self.chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme).new_page()
        page.set_default_timeout(20000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(url)
        if token:
            page.get_by_label("Token", exact=True).fill(token)
            page.get_by_label("Your name").fill(name)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_selector(".columns")
        return page

    def shot(self, page, name):
        page.screenshot(path=self.folder / f"{name}.png")


@contextlib.contextmanager
def browser(folder):
    with sync_playwright() as playwright:
        made = Browser(playwright, folder)
        try:
            yield made
        finally:
            made.chromium.close()


def axe(page):
    """What axe-core finds wrong: [(rule, elements)]."""
    page.wait_for_timeout(350)  # animations
    found = page.evaluate(f"{AXE};axe.run()")
    return [(v["id"], [node["target"] for node in v["nodes"]]) for v in found["violations"]]
