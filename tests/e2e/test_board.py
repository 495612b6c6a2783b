"""The board in real Chromium on a real gateway."""

import uuid

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from bus.browser import axe, browser
from bus.gateway import Gateway

XSS = "<img src=x onerror=\"alert('x')\"><script>alert(1)</script>'\"&lt;"


@pytest.fixture(scope="module")
def gateway(indexed_bus):
    with Gateway(indexed_bus, "board-gateway") as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway):
    return gateway.client("board", "--scope", "admin", X_Agent_ID="agent-other")


@pytest.fixture(scope="module")
def chromium(logs):
    with browser(logs) as made:
        yield made
        assert made.errors == []


@pytest.fixture
def workflow(admin):
    workflow = f"board-{uuid.uuid4().hex[:8]}"
    admin.request("PUT", f"/tickets/board-config/{workflow}", {
        "name": f"Board {XSS}"[:150],
        "columns": [{"id": "todo", "name": "To do", "category": "open", "color": "blue"},
                    {"id": "doing", "name": "Doing", "category": "active", "color": "#d3a312", "wip_limit": 2},
                    {"id": "done", "name": "Done", "category": "done", "color": "green"}],
        "ticket_types": ["task", "bug"], "initial_status": "todo",
        "settings": {"priorities": ["high", "medium", "low"], "transitions": {"todo": ["doing"], "doing": ["todo", "done"]}},
    }).expect(200)
    return workflow


@pytest.fixture
def create(admin, workflow):
    def create(title, **fields):
        body = {"workflow_id": workflow, "title": title, "ticket_type": "task"} | fields
        return admin.post("/tickets/create", body).expect(201)["ticket_id"]

    return create


@pytest.fixture
def open_board(chromium, gateway, admin, workflow):
    pages = []

    def open_board(view="board", **options):
        page = chromium.page(gateway.url, admin.token, **options)
        pages.append(page)
        page.goto(f"{gateway.url}/#/{workflow}/{view}")
        page.wait_for_function("id => document.querySelector('.picker').value === id", arg=workflow)
        page.wait_for_selector("#light[data-level=good], #light[data-level=warn]")
        return page

    yield open_board
    for page in pages:
        page.context.close()


def in_column(column, ticket):
    return f'[data-column="{column}"] [data-ticket="{ticket}"]:not(.is-moving)'


def test_a_ticket_is_created_by_the_form(open_board, admin, workflow):
    page = open_board()
    page.keyboard.press("n")
    page.get_by_label("Title").fill("Made in the form")
    page.get_by_label("Tags, comma separated").fill("a, b")
    page.get_by_role("button", name="Create").click()
    page.wait_for_selector('[data-column="todo"] .card')
    (ticket,) = admin.get("/tickets/get", workflow_id=workflow).expect(200)["tickets"]
    assert (ticket["title"], ticket["tags"], ticket["created_by_agent_id"]) == ("Made in the form", ["a", "b"], "agent-planner")


def test_moves_by_mouse_and_by_keys_and_a_refused_one(open_board, create, admin, chromium):
    ticket = create("To be moved")
    page = open_board()
    page.locator(in_column("todo", ticket)).drag_to(page.locator('[data-column="done"] .scroller'))
    page.wait_for_selector(".toast.error")
    assert "the board does not allow todo -> done" in page.locator(".toast").inner_text()
    page.wait_for_selector(in_column("todo", ticket))
    chromium.shot(page, "refused")
    page.locator(in_column("todo", ticket)).drag_to(page.locator('[data-column="doing"] .scroller'))
    page.wait_for_selector(in_column("doing", ticket))
    page.locator(f'[data-ticket="{ticket}"] a').focus()
    for key in ["Space", "ArrowRight", "Space"]:
        page.keyboard.press(key)
    page.wait_for_selector(in_column("done", ticket))
    assert page.evaluate("document.activeElement.closest('.card').dataset.ticket") == ticket
    page.wait_for_function("document.getElementById('announcer').textContent.includes('moved from Doing to Done')")
    assert admin.get(f"/tickets/{ticket}").expect(200)["ticket"]["status"] == "done"


def test_another_clients_change_is_seen_and_the_stream_resumes_after_a_restart(open_board, create, admin, gateway):
    ticket = create("Seen before")
    page = open_board()
    page.wait_for_selector(in_column("todo", ticket))
    other = create("Made by another client")
    page.wait_for_selector(in_column("todo", other))
    admin.post("/tickets/change-status", {"ticket_id": other, "new_status": "doing"}).expect(200)
    page.wait_for_selector(in_column("doing", other))
    gateway.daemon.stop()
    page.wait_for_selector("#light[data-level=bad], #light[data-level=wait]")
    gateway.start()
    admin.post("/tickets/change-status", {"ticket_id": ticket, "new_status": "doing"}).expect(200)
    page.wait_for_selector(in_column("doing", ticket), timeout=40000)


def test_search_shows_passages_with_what_was_looked_for(open_board, create, indexed_bus, admin):
    create("Sign-in fails", description="Whoever resets the password gets error AUTH-1042 afterwards.")
    page = open_board()
    search = page.get_by_label("Search tickets")
    search.fill("password error")
    for _ in range(30):
        try:
            page.wait_for_selector(".results mark", timeout=2000)
            break
        except PlaywrightTimeout:  # not indexed yet
            search.press("Enter")
    assert "password" in page.locator(".results mark").all_inner_texts()


def test_the_same_words_are_a_new_question(open_board, create):
    page = open_board()
    search = page.get_by_label("Search tickets")
    page.goto(page.url.replace("/board", "/search?by=keyword"))
    word = f"w{uuid.uuid4().hex[:10]}"
    search.fill(word)
    page.locator(".search .summary", has_text="Nothing found.").wait_for()
    create(f"A ticket with {word}")
    for ask in [lambda: search.press("Enter"), lambda: (search.fill(""), search.fill(word))]:
        page.evaluate("document.querySelector('.results').replaceChildren()")
        for _ in range(20):  # keywords follow the indexer
            ask()
            try:
                page.wait_for_selector(".results li", timeout=1500)
                break
            except PlaywrightTimeout:
                continue
        assert page.locator(".results mark").all_inner_texts() == [word]


def test_what_is_shown_first_gives_way_to_what_is_read_then(open_board, create, workflow):
    """The preview is asked for before the stream is open: a ticket deleted in between must not stay."""
    real = create("Still there")
    page = open_board()

    def stale(route):
        answer = route.fetch()
        body = answer.json()
        body["tickets"].append(body["tickets"][0] | {"ticket_id": "ticket-00000000-0000-7000-8000-000000000000", "title": "Gone meanwhile"})
        route.fulfill(response=answer, json=body)

    page.route(lambda url: "/tickets/get" in url and "limit=120" in url, stale)
    aborted = []
    page.route("**/events?**", lambda route: (aborted.append(1), route.abort()) if len(aborted) < 2 else route.continue_())
    page.reload()
    page.locator(".card", has_text="Gone meanwhile").wait_for()
    page.wait_for_selector(in_column("todo", real))
    page.wait_for_function("() => performance.getEntriesByName('tickets-loaded').length")
    page.locator(".card", has_text="Gone meanwhile").wait_for(state="detached")
    assert page.locator(".card").count() == 1


def test_back_and_forward_close_and_open_what_was_open(open_board, create):
    ticket = create("There and back")
    page = open_board()
    page.locator(f'[data-ticket="{ticket}"] a').click()
    page.wait_for_selector("dialog .timeline li")
    page.go_back()
    page.wait_for_selector("dialog", state="detached")
    page.go_forward()
    page.wait_for_selector("dialog .timeline li")


def test_all_modules_are_asked_for_at_once(open_board):
    page = open_board()
    found = page.evaluate("""() => ({
        loaded: performance.getEntriesByType("resource").map((e) => new URL(e.name).pathname).filter((p) => p.endsWith(".js")),
        named: [...document.querySelectorAll("link[rel=modulepreload]")].map((l) => new URL(l.href).pathname)
            .concat([...document.scripts].map((s) => new URL(s.src).pathname)),
    })""")
    assert set(found["loaded"]) == set(found["named"])


def test_no_text_becomes_markup(open_board, create, admin, chromium):
    blocker = create(f"Blocker {XSS}")
    ticket = create(f"Title {XSS}", description=XSS, tags=[XSS[:90]], assigned_agent_id="agent-x", blocked_by_ticket_ids=[blocker],
                    external_id=f"x-{uuid.uuid4().hex[:6]}")
    admin.post("/tickets/comment", {"ticket_id": ticket, "comment_text": XSS}).expect(200)
    admin.post("/tickets/update", {"ticket_id": ticket, "updates": {"description": f"other {XSS}"}, "rationale": XSS}).expect(200)
    admin.post("/tickets/link-commit", {"ticket_id": ticket, "commit_sha": "abc123", "commit_message": XSS}).expect(200)
    page = open_board()
    page.locator(f'[data-ticket="{ticket}"] a').click()
    page.wait_for_selector(".timeline li")
    assert page.locator(".comments .text").first.inner_text() == XSS
    assert page.locator(".description").inner_text() == f"other {XSS}"
    assert page.locator(".why a").first.inner_text() == f"Blocker {XSS}"
    assert page.evaluate("document.querySelectorAll('img[src=x], script:not([src])').length") == 0
    assert chromium.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_is_accessible(open_board, create, chromium, gateway, theme):
    blocker = create("Blocker", assigned_agent_id="agent-bo", priority="high", tags=["one"])
    waiting = create("Waiting", blocked_by_ticket_ids=[blocker])
    signin = chromium.page(gateway.url, None, theme)
    signin.wait_for_selector(".signin")
    assert axe(signin) == []
    signin.context.close()
    page = open_board(theme=theme)
    page.wait_for_selector(".card.is-blocked")
    steps = {
        "board": lambda: None,
        "ticket": lambda: (page.locator(f'[data-ticket="{waiting}"] a').click(), page.wait_for_selector(".timeline li")),
        "create": lambda: (page.keyboard.press("Escape"), page.keyboard.press("n"), page.wait_for_selector("dialog.small")),
        "agents": lambda: (page.keyboard.press("Escape"), page.get_by_role("link", name="Agents").click(), page.wait_for_selector(".agents li")),
        "dependencies": lambda: (page.get_by_role("link", name="Dependencies").click(), page.wait_for_selector(".deps-canvas li")),
        "search": lambda: (page.get_by_label("Search tickets").fill("blocker"), page.wait_for_selector(".search .summary:not(:empty)")),
    }
    for name, go in steps.items():
        go()
        assert axe(page) == [], name
        chromium.shot(page, f"{name}-{theme}")
    page.evaluate("document.querySelector('.find input').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('.find input').removeAttribute('placeholder')")
    assert [rule for rule, _ in axe(page)] == ["label"], "the checker must bite"


def test_a_phone_shows_it_without_scrolling_sideways(open_board, create, chromium):
    ticket = create("On the phone")
    page = open_board(width=390, height=844)
    page.wait_for_selector(in_column("todo", ticket))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    chromium.shot(page, "phone")
    page.locator(f'[data-ticket="{ticket}"] a').click()
    page.wait_for_selector(".timeline li")
    assert page.evaluate("document.querySelector('dialog').scrollWidth") == 390
    assert axe(page) == []


def test_the_policy_is_strict_and_paths_stay_inside(gateway):
    nobody = gateway.client("nobody")
    answer = nobody.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status == 200 and "default-src 'none'" in policy and "unsafe" not in policy
    assert nobody.request("GET", "/", None, If_None_Match=answer.headers["etag"]).status == 304
    for path in ["/board/nothing.js", "/board/..%2fmain.c", "/board/%2e%2e/main.c", "/board/"]:
        assert nobody.get(path).status == 404, path
