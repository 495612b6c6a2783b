"""Search: what an answer says of itself, phrases, near-duplicates, and what a board decides."""

import json
import pathlib
import time

import pytest

from bus.boards import board
from bus.workflow import Workflow
from test_index import import_file, search, wait_indexed

OWN = pathlib.Path(__file__).parent / "data" / "issues.jsonl"


@pytest.fixture(scope="module")
def bus(indexed_bus):
    import_file(indexed_bus, OWN, "harbor")
    wait_indexed(indexed_bus)
    return indexed_bus


def names(answer):
    return [r["external_id"] for r in answer["results"]]


def test_parts_add_up_and_highlights_are_words_of_the_query(bus):
    answer = search(bus, "card payment charged twice", "--workflow", "harbor")
    assert answer["results"][0]["external_id"] == "hb-03"
    for hit in answer["results"]:
        assert abs(sum(hit["parts"].values()) - hit["score"]) < 1e-4, hit
        assert set(hit["parts"]) == set(hit["ranks"]), hit
    passage = answer["results"][0]["passage"].encode()
    for start, end in answer["results"][0]["highlights"]:
        assert passage[start:end].decode().lower()[:5] in ("card", "payme", "charg", "twice")
    told = bus.ctl("search", "card payment charged twice", "--explain", "-n", "1").expect(0).out
    assert "semantic" in told and "keyword" in told


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "semantic"])
def test_a_quoted_phrase_stands_in_every_result(bus, mode):
    def ask(query):
        return names(search(bus, query, "--workflow", "harbor", "--mode", mode))

    assert ask('"charged twice"') == ["hb-03"]
    assert ask('"twice charged"') == [], "the same words in another order are another phrase"
    assert len(ask("twice charged")) >= 1
    # Words that look like codes are found by a leg of their own.
    assert ask('"HTTP 451"') == ["hb-20"] and ask('"451 HTTP"') == []
    if mode != "semantic":
        assert ask('"hb-20"') == ["hb-20"], "a ticket that is named need not say its name"


def test_pages_do_not_overlap_and_miss_nothing(bus):
    whole = names(search(bus, "boat booking map", "--workflow", "harbor", "--limit", "12"))
    pages = [names(search(bus, "boat booking map", "--workflow", "harbor", "--limit", "4", "--offset", str(at)))
             for at in (0, 4, 8)]
    assert len(whole) == 12 and sum(pages, []) == whole


def test_similar_finds_the_copy_and_not_itself(bus):
    flow = Workflow(bus, False)
    copy = bus.db.rows("SELECT title, description FROM tickets WHERE external_id = 'hb-03' AND workflow_id = 'harbor'")[0]
    flow.put_board(board())
    here = flow.create(title="Skipper pays double after going back", description=copy["description"])
    wait_indexed(bus)
    ran = bus.ctl("similar", here, "--json").expect(0)
    assert json.loads(ran.out)["results"] == [], "alone in its workflow"
    found = json.loads(bus.ctl("similar", here, "--anywhere", "--json").expect(0).out)
    assert names(found)[0] == "hb-03"
    assert here not in [r["ticket_id"] for r in found["results"]]
    missing = bus.ctl("similar", "ticket-there-is-none")
    assert missing.code != 0 and "ticket-there-is-none" in missing.err


def test_a_board_decides_how_its_searches_are_fused(bus):
    flow = Workflow(bus, board(search_weight_semantic=0, search_formula="rank"))
    flow.create(title="The crane drops its load")
    wait_indexed(bus)
    hit = search(bus, "crane load", "--workflow", flow.id)["results"][0]
    assert "semantic" not in hit["parts"] and hit["parts"]["keyword"] == pytest.approx(1 / (1 + 5 - 1)), hit
    flow.put_board(board())
    hit = search(bus, "crane load", "--workflow", flow.id)["results"][0]
    assert hit["parts"]["semantic"] > hit["parts"]["keyword"] > 0, hit


@pytest.mark.parametrize("settings", [{"search_weight_semantic": 101}, {"search_formula": "votes"}, {"similar_percent": 101}])
def test_a_board_that_says_nonsense_is_refused(bus, settings):
    flow = Workflow(bus, False)
    refused = flow.rejected("board.put", flow.id, board(**settings))
    assert next(iter(settings)) in json.dumps(refused)


# ---- near-duplicates of new tickets ----

def similar_found(bus, ticket):
    return [m for m in bus.events.of_ticket(ticket) if m.type == "ticket.similar_found"]


def test_a_new_ticket_is_told_of_its_near_duplicates_once(bus):
    flow = Workflow(bus)
    text = "Loading the second barge stops because the conveyor belt slips off its rear drum in heavy rain."
    first = flow.create(title="Conveyor belt slips off when it rains", description=text)
    wait_indexed(bus)
    other = flow.create(title="Invoices of March lack the harbour dues", description="The sums are right, a line is missing.")
    second = flow.create(title="Conveyor belt slips off in rain", description=text)
    wait_told(bus, second)
    [event] = similar_found(bus, second)
    assert [s["ticket_id"] for s in event.data["similar"]] == [first] and 900 <= event.data["similar"][0]["score"] <= 1000
    assert event.sequence == 2 and event.data["rule"] == "similar.found"
    assert not similar_found(bus, first) and not similar_found(bus, other)
    [row] = bus.db.rows("SELECT metadata, version FROM ticket_history WHERE ticket_id = %s AND change_type = 'similar_found'", second)
    assert row["metadata"]["similar"] == event.data["similar"] and row["version"] == 2
    assert "similar_found" in bus.ctl("history", second).expect(0).out
    # An index that has forgotten the ticket takes it for new: the command comes again, with the same id and perhaps
    # another list, and changes nothing.
    bus.db.rows("DELETE FROM index_state WHERE ticket_id = %s", second)
    flow.applied("ticket.delete", first)
    flow.create(title="Conveyor belt slips off in the rain", description=text)
    flow.applied("ticket.comment", second, {"comment_text": "Seen again."})
    wait_indexed(bus)
    bus.settle()
    wait_indexed(bus)
    assert len(similar_found(bus, second)) == 1 and flow.version(second) == 3
    assert not [m.raw for m in bus.events.on(bus.events_topic) if m.subject == second and m.type == "command.rejected"]
    flow.check()


def wait_told(bus, ticket, seconds=60):
    deadline = time.monotonic() + seconds
    while not similar_found(bus, ticket):
        assert time.monotonic() < deadline, [m.type for m in bus.events.of_ticket(ticket)]
        time.sleep(0.2)


def test_a_board_decides_how_near_a_ticket_must_be(bus):
    """Two tickets about the same thing in other words: 90 % is too much for them, and a copy is not told where it is 0."""
    def told(**settings):
        flow = Workflow(bus, board(**settings))
        flow.create(title="Conveyor belt slips off when it rains")
        wait_indexed(bus)
        second = flow.create(title="The conveyor's belt comes off in wet weather")
        wait_indexed(bus)
        copy = flow.create(title="Conveyor belt slips off when it rains")
        wait_indexed(bus)
        bus.settle()
        flow.check()
        return [[s["score"] for e in similar_found(bus, ticket) for s in e.data["similar"]] for ticket in (second, copy)]

    as_configured, near, never = told(), told(similar_percent=40), told(similar_percent=0)
    assert as_configured[0] == [] and len(as_configured[1]) == 1 and as_configured[1][0] >= 990, as_configured
    assert len(near[0]) == 1 and 400 <= near[0][0] < 900 and len(near[1]) == 2, near
    assert never == [[], []]
