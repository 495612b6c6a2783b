"""An indexer that dies at each of its stages: nothing is lost, and at most the batch of each lane is embedded again.

TICKETBUS_TEST_LONG=1: 200 deaths instead of 20."""

import json
import os
import random
import signal

import pytest

from test_index import wait_indexed
from test_index_order import Tickets, bus  # noqa: F401

STAGES = ["before_embed", "after_embed", "after_points", "before_state", "after_state", "before_offset_commit",
          "after_offset_commit"]
DEATHS = 200 if os.environ.get("TICKETBUS_TEST_LONG") == "1" else 20
ROUND = 16  # tickets, each of two chunks
LANES = 2


@pytest.mark.timeout(3600)
def test_a_death_at_any_stage_loses_nothing_and_repeats_one_batch_a_lane_at_most(bus):  # noqa: F811
    settings = {"TICKETBUS_INDEX_LANES": str(LANES), "TICKETBUS_INDEX_BATCH_MAX": str(ROUND), "EMBEDDING_PARALLEL": "1",
                "EMBEDDING_BATCH": "64"}
    tickets = Tickets(bus, random.Random(3))
    tickets.send(0)
    bus.start_indexer(**settings)
    wait_indexed(bus)
    bus.troubles.extend(bus.daemons[-1].stop())
    most = 0
    for death in range(DEATHS):
        stage = STAGES[death % len(STAGES)]
        before, known = bus.embedder.asked, len(bus.embedder.texts)
        tickets.change(50, deletes=0)
        tickets.send(0)
        mortal = bus.start("ticketbus-indexer-faults", f"mortal-{death}", TICKETBUS_CRASH_AT=f"{stage}:{1 if 'offset' in stage else 1 + death % 2}", **settings)
        assert mortal.process.wait(60) == -signal.SIGKILL, f"{stage}: {mortal.tail()}"
        mortal._killed = True
        heir = bus.start("ticketbus-indexer", f"heir-{death}", **settings)
        wait_indexed(bus)
        verdict = json.loads(bus.ctl("index", "verify", "--json").expect(0).out.splitlines()[-1])
        assert verdict["differences"] == 0, stage
        bus.troubles.extend(heir.stop())
        again = bus.embedder.asked - before - (len(bus.embedder.texts) - known)
        assert again <= LANES * 2 * ROUND, f"{stage}: {again} chunks embedded again"
        most = max(most, again)
    print(json.dumps({"deaths": DEATHS, "most_embedded_again": most, "batch": 2 * ROUND, "lanes": LANES}))
