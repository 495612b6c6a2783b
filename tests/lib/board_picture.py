"""Draws docs/board.png: the board with the sample, as `deploy/local/up` leaves it.

    . .local/env && .local/venv-tests/bin/python tests/lib/board_picture.py docs/board.png
"""

import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from bus.browser import browser  # noqa: E402

url, token = os.environ["TICKETBUS_URL"], os.environ["TICKETBUS_TOKEN"]
with tempfile.TemporaryDirectory() as folder, browser(pathlib.Path(folder)) as chromium:
    page = chromium.page(url, token, width=1340, height=640)
    page.goto(f"{url}/#/sample/board")
    page.wait_for_selector('#light[data-level="good"]')
    page.wait_for_selector(".card")
    page.wait_for_timeout(500)  # the last cards and animations
    page.screenshot(path=sys.argv[1])
