// Puts the parts together: sign-in, the frame around the views, the address, the live stream.
import {actAs, api, whenSignedOut} from "./api.js";
import {AgentsView} from "./agents.js";
import {BoardView} from "./board.js";
import {createDialog} from "./create.js";
import {DepsView} from "./deps.js";
import {fill, h} from "./dom.js";
import {Stream} from "./events.js";
import {readFilters} from "./filters.js";
import {preview, remember, take} from "./first.js";
import {icon} from "./icons.js";
import {Light} from "./light.js";
import {announce, failed, hostNotices, installNotices} from "./notices.js";
import {format, parse} from "./router.js";
import {SearchView} from "./search.js";
import {NAME_KEY, signIn} from "./signin.js";
import {Store} from "./store.js";
import {themeButton} from "./theme.js";
import {TicketView} from "./ticket.js";

const app = document.getElementById("app");
const views = {board: BoardView, search: SearchView, dependencies: DepsView, agents: AgentsView};
const tabs = [["board", "Board"], ["dependencies", "Dependencies"], ["agents", "Agents"]];
const STREAM_WAIT_MS = 1500; // without a stream the tickets are read all the same
let frame = null;

class Frame {
    constructor(workflows) {
        this.workflows = workflows;
        this.light = new Light();
        this.main = h("main", {id: "main", tabindex: "-1"});
        this.picker = h("select", {"aria-label": "Workflow", class: "picker", on: {change: () => this.go({workflow: this.picker.value, view: this.route.view, params: new URLSearchParams()})}},
            workflows.map((w) => h("option", {value: w.workflow_id}, w.name || w.workflow_id)));
        this.nav = h("nav", {"aria-label": "Views"});
        this.query = h("input", {type: "search", placeholder: "Search  /", "aria-label": "Search tickets", autocomplete: "off", spellcheck: "false", maxlength: "2000"});
        this.query.addEventListener("input", () => this.searchFor(this.query.value));
        this.query.addEventListener("keydown", (e) => {
            if (e.key === "Escape") this.searchFor("");
        });
        this.element = h("div", {class: "frame"},
            h("header", {class: "top"},
                h("span", {class: "brand"}, h("img", {src: "/board/icon.svg", alt: "", width: "22", height: "22"}), h("span", {}, "Ticketbus")),
                this.picker, this.nav,
                h("form", {class: "find", role: "search", on: {submit: (e) => {
                    e.preventDefault();
                    this.searchFor(this.query.value);
                }}}, icon("search"), this.query),
                h("div", {class: "tools"}, this.light.element,
                    h("button", {type: "button", class: "primary", id: "new", title: "New ticket (n)", on: {click: () => this.create()}}, icon("plus"), h("span", {}, "New")),
                    themeButton(),
                    h("button", {type: "button", class: "quiet", "aria-label": "Sign out", title: "Sign out", on: {click: () => leave()}}, icon("exit")))),
            this.main);
        this.setParams = (change, replace = false) => {
            const params = new URLSearchParams(this.route.params);
            change(params);
            this.go({...this.route, params}, replace);
        };
    }

    go(route, replace = false) {
        const hash = format(route);
        if (hash === location.hash) return;
        // Not by location.hash: what that leads to comes a task later.
        if (replace) history.replaceState(null, "", hash);
        else history.pushState(null, "", hash);
        this.navigate();
    }

    searchFor(text) {
        const here = this.route.view === "search";
        const params = new URLSearchParams(this.route.params);
        if (text) params.set("q", text);
        else params.delete("q");
        params.delete("ticket");
        if (!text && !here) return;
        this.go({...this.route, view: text ? "search" : "board", params}, here && Boolean(text));
        // The same words again are a question anew: what was not there may be by now.
        if (text && this.view instanceof SearchView) this.view.ask();
    }

    create() {
        if (this.store?.board) createDialog(this.store);
    }

    async navigate() {
        const route = parse(location.hash);
        const known = (id) => this.workflows.some((w) => w.workflow_id === id);
        if (!route.workflow) {
            let wanted = this.store?.workflow ?? this.workflows[0]?.workflow_id ?? null;
            if (route.params.has("ticket")) {
                try {
                    wanted = (await api.ticket(route.params.get("ticket"))).ticket.workflow_id;
                } catch (error) {
                    failed(error);
                }
            }
            if (wanted) {
                history.replaceState(null, "", format({...route, workflow: wanted}));
                route.workflow = wanted;
            }
        }
        if (!known(route.workflow)) {
            fill(this.main, h("div", {class: "page empty"}, h("h1", {}, route.workflow ? "There is no such board." : "There is no board yet."),
                h("p", {}, "An administrator makes one: ", h("code", {}, "ticketctl board put"))));
            return;
        }
        this.route = route;
        this.picker.value = route.workflow;
        fill(this.nav, tabs.map(([id, name]) => h("a", {href: format({workflow: route.workflow, view: id, params: new URLSearchParams()}),
            "aria-current": route.view === id ? "page" : null}, name)));
        if (this.store?.workflow !== route.workflow) this.enter(route.workflow);
        const Kind = views[route.view] ?? BoardView;
        if (!(this.view instanceof Kind) || this.view.store !== this.store) {
            this.view?.close();
            this.view = null;
            if (!this.store.board) return; // again once it is there
            this.view = new Kind(this.store, this);
            fill(this.main, this.view.element);
        }
        const filters = readFilters(route.params);
        this.view.setFilters?.(filters);
        if (this.view instanceof SearchView) this.view.show(route.params.get("q") ?? "", route.params.get("by"), filters);
        if (document.activeElement !== this.query) this.query.value = route.view === "search" ? route.params.get("q") ?? "" : "";
        this.showTicket(route.params.get("ticket"));
        const name = this.workflows.find((w) => w.workflow_id === route.workflow)?.name ?? route.workflow;
        document.title = `${tabs.find(([id]) => id === route.view)?.[1] ?? "Search"} · ${name} · Ticketbus`;
    }

    showTicket(id) {
        if (this.ticket && this.ticket.id !== id) {
            const old = this.ticket;
            this.ticket = null;
            old.dialog.close();
        }
        if (!id || this.ticket) return;
        const from = document.activeElement?.closest?.("[data-ticket]")?.dataset.ticket;
        this.ticket = new TicketView(id, this.store, () => {
            if (this.ticket?.id === id) {
                this.ticket = null;
                this.setParams((p) => p.delete("ticket"));
            }
            const back = from ?? id;
            const column = this.view instanceof BoardView && this.view.columns.find((c) => c.tickets.some((t) => t.ticket_id === back));
            if (column && !this.ticket && document.activeElement === document.body) column.focus(back);
        });
    }

    enter(workflow) {
        this.stream?.stop();
        this.ticket?.dialog.close();
        const store = new Store(workflow);
        this.store = store;
        fill(this.main, h("p", {class: "page quiet-text", role: "status"}, "Loading…"));
        const fail = (error) => {
            if (error.status !== 401 && this.store === store) {
                failed(error);
                fill(this.main, h("div", {class: "page empty"}, h("h1", {}, error.message), h("button", {type: "button", on: {click: () => this.enter(workflow)}}, "Try again")));
            }
        };
        store.loadBoard(take(`board ${workflow}`) ?? undefined).then(() => this.store === store && this.navigate()).catch(fail);
        (take(`tickets ${workflow}`) ?? preview(workflow)).then(({tickets}) => store.preview(tickets)).catch(() => {});
        // The stream before all tickets: what changes while they are read comes as events.
        const load = () => {
            clearTimeout(this.unopened);
            store.loadTickets().then(() => performance.mark("tickets-loaded")).catch(fail);
        };
        clearTimeout(this.unopened);
        this.unopened = setTimeout(load, STREAM_WAIT_MS);
        let opened = false;
        this.stream = new Stream(workflow, {
            event: (event) => {
                store.event(event);
                this.light.lastChange = store.lastChange;
            },
            state: (state) => this.light.setStream(state),
            opened: (resumed) => {
                if (!opened) load();
                else if (!resumed) store.reload().catch(failed);
                opened = true;
            },
            signedOut: () => start(),
        });
    }

    close() {
        this.stream?.stop();
        this.view?.close();
        this.ticket?.dialog.close();
        clearTimeout(this.unopened);
        clearInterval(this.light.timer);
    }
}

async function leave() {
    await api.signOut().catch(() => {});
    start();
}

function showSignIn() {
    if (app.querySelector(".signin")) return;
    frame?.close();
    frame = null;
    remember(false);
    document.title = "Sign in · Ticketbus";
    fill(app, signIn(start));
}

async function start() {
    try {
        actAs(localStorage.getItem(NAME_KEY));
    } catch {
        actAs(null);
    }
    try {
        const {workflows} = await (take("workflows") ?? api.workflows());
        remember(true);
        frame?.close();
        frame = new Frame(workflows);
        fill(app, frame.element);
        hostNotices(document.body);
        await frame.navigate();
    } catch (error) {
        if (error.status === 401) showSignIn();
        else {
            fill(app, h("main", {class: "page empty", id: "main"}, h("h1", {}, error.message), h("button", {type: "button", on: {click: start}}, "Try again")));
        }
    }
}

whenSignedOut(showSignIn);
addEventListener("hashchange", () => frame?.navigate());
document.getElementById("skip").addEventListener("click", (e) => {
    e.preventDefault();
    document.getElementById("main")?.focus();
});
document.addEventListener("click", (e) => {
    const link = e.target.closest?.('a[href^="#ticket="]');
    if (!link || !frame?.route || e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    e.preventDefault();
    frame.setParams((p) => p.set("ticket", decodeURIComponent(link.getAttribute("href").slice(8))));
});
document.addEventListener("keydown", (e) => {
    if (!frame || e.ctrlKey || e.metaKey || e.altKey || e.target.matches?.("input, textarea, select") || document.querySelector("dialog[open]")) return;
    if (e.key === "/") {
        e.preventDefault();
        frame.query.focus();
    } else if (e.key === "n") {
        e.preventDefault();
        frame.create();
    }
});
installNotices(document.body);
start().then(() => announce(""));
