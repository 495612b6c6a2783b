#!/usr/bin/env python3
"""A local vector server: the part of Qdrant's REST API that Ticketbus uses, on Qdrant's engine.

    qdrant_edge.py --port 6333 --data DIR

For development and tests on one machine; production uses a Qdrant server. Writes are in the
engine's write-ahead log before they are answered, so that killing the process loses nothing (a
power cut may lose the last seconds). Vectors are searched exactly: no index is built over them.

Environment: QDRANT_API_KEY  if set, every request but health checks has to carry it.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

# This file has the name of the engine's module: look in its folder last.
sys.path.append(sys.path.pop(0))

from localparts.http import serve  # noqa: E402
from localparts.qdrant.routes import application  # noqa: E402
from localparts.qdrant.store import Store  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="where the collections are kept")
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    store = Store(options.data)
    app = application(store, os.environ.get("QDRANT_API_KEY", ""))
    serve(app, options.host, options.port, "qdrant-edge")


if __name__ == "__main__":
    main()
