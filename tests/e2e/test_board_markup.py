"""Every text that people and agents can write, on every page of the board that shows it, in real Chromium: it is shown as
it was written and never becomes markup."""

import re
import subprocess
import time
import uuid
from urllib.parse import quote, urlencode

import pytest

from bus.browser import browser
from bus.gateway import Gateway

EXTRA = "<script>alert(1)</script><img src=x data-xss onerror=alert(1)>\"'&lt;${7*7}{{7*7}}"


class Marks:
    """Texts that would be elements if they were parsed, each with a number by which it is found again."""

    def __init__(self):
        self.texts = {}

    def __call__(self, field, long=False):
        number = len(self.texts) + 1
        text = f"<i data-xss={number}>m{number}m"
        self.texts[field] = text
        return text + EXTRA if long else text


@pytest.fixture(scope="module")
def marks():
    return Marks()


@pytest.fixture(scope="module")
def commit(tmp_path_factory, marks):
    """A commit whose file names, lines and author are hostile."""
    folder = tmp_path_factory.mktemp("markup")

    def git(*arguments):
        return subprocess.run(["git", "-C", folder, "-c", "user.name=Ada", "-c", "user.email=a@example.org", *arguments],
                              check=True, capture_output=True, text=True).stdout.strip()

    lines = "".join(f"line {n}\n" for n in range(30))
    git("init", "--quiet", "--initial-branch=main")
    old, new = (folder / (marks(field) + ".txt") for field in ("diff: old file name", "diff: file name"))
    old.write_text(lines + marks("diff: removed line") + "\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "First")
    old.rename(new)
    new.write_text(lines + marks("diff: added line") + "\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Second")
    return folder, git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def gateway(indexed_bus, commit):
    with Gateway(indexed_bus, "markup-gateway", TICKETBUS_GATEWAY_REPOSITORIES=f"main={commit[0]}") as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway, marks):
    return gateway.client("markup", "--scope", "admin", X_Agent_ID=marks("agent that acts"))


@pytest.fixture(scope="module")
def board(admin, marks):
    workflow = f"{marks('workflow id')} {uuid.uuid4().hex[:6]}"
    todo, doing = marks("column id"), marks("second column id")
    admin.request("PUT", f"/tickets/board-config/{quote(workflow, safe='')}", {
        "name": marks("board name"),
        "columns": [{"id": todo, "name": marks("column name"), "category": "open", "color": "red;background:url(//evil.example)"},
                    {"id": doing, "name": "Doing", "category": "active", "color": marks("colour")},
                    {"id": "done", "name": "Done", "category": "done", "color": "green"}],
        "ticket_types": [marks("ticket type"), "task"], "default_ticket_type": "task", "initial_status": todo,
        "settings": {"priorities": [marks("priority"), "low"], "transitions": {todo: ["done"]}},
    }).expect(200)
    return workflow, todo, doing


@pytest.fixture(scope="module")
def ticket(admin, board, marks, commit):
    workflow = board[0]
    make = lambda title, **fields: admin.post("/tickets/create", {"workflow_id": workflow, "title": title} | fields).expect(201)["ticket_id"]
    blocker = make(marks("blocker's title"))
    made = make(marks("title"), description=marks("description", True), tags=[marks("tag")], ticket_type=marks.texts["ticket type"],
                priority=marks.texts["priority"], assigned_agent_id=marks("assignee"), external_id=marks("external id"),
                blocked_by_ticket_ids=[blocker])
    other = make(marks("linked title"))
    make(marks("child's title"), parent_ticket_id=made)
    for path, body in [
        ("comment", {"comment_text": marks("comment", True), "rationale": marks("comment's rationale")}),
        ("update", {"updates": {"description": marks("second description", True)}, "rationale": marks("rationale")}),
        ("link", {"dependencies": [{"depends_on": other, "dependency_type": marks("dependency type")}]}),
        ("link-commit", {"commit_sha": commit[1], "commit_message": marks("commit message")}),
    ]:
        answer = admin.post(f"/tickets/{path}", {"ticket_id": made} | body)
        assert answer.status == 200, (path, answer.body)
    return made, blocker


@pytest.fixture(scope="module")
def chromium(logs):
    with browser(logs) as made:
        yield made
        assert made.errors == []


class Looker:
    """Looks at a page again and again: nothing of ours has become an element; which texts were seen."""

    def __init__(self, marks):
        self.marks, self.seen = marks, ""

    def look(self, page, what):
        found = page.evaluate("""() => ({
            markup: [...document.querySelectorAll('[data-xss], img[src="x"], script:not([src]), iframe, base, object')].map((e) => e.outerHTML),
            handlers: [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes].filter((a) => a.name.startsWith('on')).map((a) => a.name)),
            links: [...document.querySelectorAll('a[href]')].map((a) => a.protocol),
            text: document.documentElement.textContent + ' ' + document.title + ' '
                + [...document.querySelectorAll('*')].flatMap((e) => [e.value, ...[...e.attributes].map((a) => a.value)]).join(' '),
        })""")
        assert found["markup"] == [] and found["handlers"] == [], what
        assert set(found["links"]) <= {"http:", "https:"}, what
        self.seen += found["text"]

    def missing(self, *exempt):
        return [field for field, text in self.marks.texts.items() if text not in self.seen and field not in exempt]


def test_no_text_becomes_markup_anywhere(chromium, gateway, admin, board, ticket, marks):
    workflow, todo, doing = board
    made, blocker = ticket
    looker = Looker(marks)
    violations = []
    page = chromium.page(gateway.url, admin.token, name=marks("name at sign-in"))
    page.on("console", lambda m: violations.append(m.text) if m.type == "error" or "Content Security Policy" in m.text else None)
    go = lambda view, **params: page.goto(f"{gateway.url}/#/{quote(workflow, safe='')}/{view}" + (f"?{urlencode(params)}" if params else ""))
    card = f'[data-ticket="{made}"]'

    go("board")
    page.wait_for_selector(card)
    looker.look(page, "board")

    # A move that the board refuses, with the sentence that says why.
    page.locator(f'[data-ticket="{blocker}"]').drag_to(page.locator(".column").nth(1).locator(".scroller"))
    page.wait_for_selector(".toast.error")
    assert marks.texts["second column id"] in page.locator(".toast").inner_text()
    looker.look(page, "refused")
    page.get_by_role("button", name="Dismiss").first.click()

    # The ticket with everything on it, its commit opened.
    page.locator(f"{card} a").first.click()
    page.wait_for_selector(".timeline li")
    page.locator("details.commit summary").first.click()
    page.wait_for_selector("details.file")
    looker.look(page, "ticket")
    page.get_by_role("button", name="Edit").click()
    page.wait_for_selector("form.edit")
    looker.look(page, "editing")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")

    page.keyboard.press("n")
    page.wait_for_selector("dialog.small")
    looker.look(page, "create")
    page.get_by_label("Title").fill(marks("title in the form"))
    page.get_by_label("Assignee").last.fill(marks("assignee in the form"))
    page.get_by_label("Tags, comma separated").fill(marks("tag in the form"))
    page.get_by_role("button", name="Create").click()
    page.wait_for_selector("dialog", state="detached")
    page.get_by_text(marks.texts["title in the form"]).first.wait_for()
    looker.look(page, "created")

    for view, selector in (("agents", ".agents li"), ("dependencies", ".deps-canvas li")):
        go(view)
        page.wait_for_selector(selector)
        looker.look(page, view)

    # What another client does, live in the activity.
    go("agents")
    page.wait_for_selector(".agents li")
    live = gateway.client(f"live-{uuid.uuid4().hex[:6]}", "--scope", "write", X_Agent_ID=marks("agent in the feed"))
    live.post("/tickets/update", {"ticket_id": blocker, "updates": {"title": marks("title in the feed")}}).expect(200)
    page.wait_for_function("text => document.querySelector('.feed').textContent.includes(text)", arg=marks.texts["title in the feed"])
    looker.look(page, "feed")

    # Found passages, with the query's words marked, by word and by meaning.
    for by in ("keyword", "hybrid"):
        deadline = time.monotonic() + 60
        while True:
            go("search", q=f"m{re.search('m([0-9]+)m', marks.texts['second description']).group(1)}m {marks('query ' + by)}", by=by)
            page.wait_for_selector(".search .summary:not(:empty)")
            if page.locator(".results li").count():
                break
            assert time.monotonic() < deadline, "nothing found"
            go("board")
            page.wait_for_selector(card)
        page.wait_for_timeout(300)
        looker.look(page, f"search {by}")

    # What the address itself says.
    go("board", **{name: marks(f"filter {name}") for name in ("type", "priority", "assignee", "tag", "sort", "state")})
    page.wait_for_selector(".filters select")
    looker.look(page, "filters")
    go("board", ticket=marks("ticket in the address"))
    page.wait_for_selector("dialog .ticket-title:not(:text('Loading'))")
    looker.look(page, "a ticket that is not there")
    for strange in (quote(marks("workflow in the address"), safe=""), "%E0%A4%A", "__proto__", "constructor"):
        page.goto(f"{gateway.url}/#/{strange}/board")
        page.get_by_text("There is no such board.").wait_for()
        looker.look(page, "a board that is not there")

    # Not shown anywhere: the colour is none, a board that is not there is not named, links do not say of what type they are.
    assert looker.missing("colour", "workflow in the address", "dependency type") == []
    assert [v for v in violations if "status of 404" not in v and "status of 409" not in v and "status of 422" not in v] == []
    assert chromium.errors == []
    page.context.close()


def test_the_looker_sees_markup(chromium, gateway, marks):
    """The test above can fail."""
    page = chromium.page(gateway.url, None)
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<i data-xss=1>m1m'")
    page.evaluate("document.body.append(document.createElement('i')); document.body.lastChild.setAttribute('data-xss', '1')")
    with pytest.raises(AssertionError):
        Looker(marks).look(page, "planted")
    page.context.close()
