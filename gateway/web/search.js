// Search by meaning and by word, with the passage that fits.
import {debounce, fill, h} from "./dom.js";
import {api} from "./api.js";
import {avatar, priorityMark} from "./card.js";
import {ago, colour, highlight, plural, words} from "./format.js";
import {announce} from "./notices.js";

const modes = [["hybrid", "Meaning and words"], ["semantic", "Meaning"], ["keyword", "Words"]];
const PAGE = 20;

const marked = (text, query) => highlight(text, query).map(([piece, hit]) => (hit ? h("mark", {}, piece) : piece));

export class SearchView {
    constructor(store, {setParams}) {
        this.store = store;
        this.mode = h("select", {"aria-label": "Search by", on: {change: () => setParams((p) => p.set("by", this.mode.value))}},
            modes.map(([v, t]) => h("option", {value: v}, t)));
        this.summary = h("p", {class: "summary"});
        this.list = h("ol", {class: "results"});
        this.foot = h("div", {});
        this.element = h("div", {class: "search page"}, h("header", {}, h("h1", {}, "Search"), this.mode), this.summary, this.list, this.foot);
        this.ask = debounce(160, () => this.run(0));
    }

    close() {
        this.ask.cancel();
        this.abort?.abort();
    }

    show(query, by, filters) {
        const key = JSON.stringify([query, by, filters]);
        if (key === this.key) return;
        Object.assign(this, {key, query, by: by || "hybrid", filters});
        this.mode.value = this.by;
        this.ask();
    }

    async run(offset) {
        this.abort?.abort();
        this.abort = new AbortController();
        if (!this.query.trim()) {
            fill(this.list);
            fill(this.foot);
            fill(this.summary, "Type what you remember: a word, an error message, or what it was about.");
            return;
        }
        const f = this.filters;
        const chosen = {ticket_type: f.type, priority: f.priority, assigned_agent_id: f.assignee, tag: f.tag};
        const filters = Object.fromEntries(Object.entries(chosen).filter(([, v]) => v));
        try {
            const found = await api.search({query: this.query, workflow_id: this.store.workflow, search_type: this.by, limit: PAGE, offset,
                ...(Object.keys(filters).length ? {filters} : {})}, this.abort.signal);
            this.render(found, offset);
        } catch (error) {
            if (error.name === "AbortError") return;
            fill(this.list);
            fill(this.foot);
            fill(this.summary, error.message);
        }
    }

    render({results, more, degraded}, offset) {
        const items = results.map((r) => this.item(r));
        if (offset) this.list.append(...items);
        else fill(this.list, items);
        const total = this.list.children.length;
        const text = total ? `${plural(total, "ticket")}${more ? ", and more" : ""}` : "Nothing found.";
        fill(this.summary, text, (degraded ?? []).map((d) => h("span", {class: "warn"}, ` Without ${d.leg}: ${d.why}.`)));
        announce(text);
        fill(this.foot, more && offset + PAGE < 200 ? h("button", {type: "button", on: {click: () => this.run(offset + PAGE)}}, "More") : null);
    }

    item(r) {
        const column = this.store.column(r.status);
        return h("li", {}, h("a", {href: `#ticket=${encodeURIComponent(r.ticket_id)}`}, marked(r.title, this.query)),
            r.passage && r.passage !== r.title ? h("p", {class: "passage"}, r.passage_comment_id ? h("span", {class: "quiet-text"}, "in a comment: ") : null, marked(r.passage, this.query)) : null,
            h("div", {class: "card-meta"}, h("span", {class: "pill", vars: {"--column": colour(column?.color)}}, column?.name ?? r.status),
                priorityMark(r.priority, this.store.priorities()), h("span", {class: "type"}, words(r.ticket_type)),
                h("span", {class: "quiet-text"}, `changed ${ago(r.updated_at)}`), r.assigned_agent_id ? avatar(r.assigned_agent_id) : null));
    }
}
