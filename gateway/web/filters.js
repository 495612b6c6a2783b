// Which tickets are shown, and in which order. The choice lives in the address, so that it can be sent to somebody.
import {fill, h} from "./dom.js";
import {count as figure, plural, words} from "./format.js";

const names = ["type", "priority", "assignee", "tag", "state", "sort"];
const states = [["", "Any state"], ["ready", "Ready to start"], ["blocked", "Blocked"], ["unassigned", "Nobody's"]];
const sorts = [["", "By priority"], ["updated", "Latest change"], ["created", "Newest"], ["title", "By title"]];

export const readFilters = (params) => Object.fromEntries(names.map((n) => [n, params.get(n) ?? ""]));

export function matches(ticket, f, store) {
    if (f.type && ticket.ticket_type !== f.type) return false;
    if (f.priority && ticket.priority !== f.priority) return false;
    if (f.assignee && ticket.assigned_agent_id !== f.assignee) return false;
    if (f.tag && !ticket.tags.includes(f.tag)) return false;
    const blocked = ticket.is_blocked || ticket.blocked_by_ticket_ids.length > 0;
    if (f.state === "blocked") return blocked;
    if (f.state === "unassigned") return !ticket.assigned_agent_id;
    if (f.state === "ready") {
        return !blocked && !ticket.assigned_agent_id && !ticket.is_resolved && store.column(ticket.status)?.category === "open";
    }
    return true;
}

const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const latest = (a, b) => text(b.updated_at, a.updated_at) || text(a.ticket_id, b.ticket_id);

export function comparer(sort, priorities) {
    if (sort === "updated") return latest;
    if (sort === "created") return (a, b) => text(b.created_at, a.created_at) || text(a.ticket_id, b.ticket_id);
    if (sort === "title") return (a, b) => text(a.title, b.title) || text(a.ticket_id, b.ticket_id);
    const rank = new Map(priorities.map((p, i) => [p, i]));
    return (a, b) => (rank.get(a.priority) ?? 99) - (rank.get(b.priority) ?? 99) || latest(a, b);
}

function choice(label, name, value, options, change) {
    const known = options.some(([v]) => v === value) ? options : [...options, [value, value]];
    const select = h("select", {"aria-label": label, class: value ? "is-set" : "", data: {filter: name},
        on: {change: () => change(name, select.value)}},
    known.map(([v, shown]) => h("option", {value: v, selected: v === value}, shown)));
    return select;
}

export class FilterBar {
    constructor(store, change) {
        this.store = store;
        this.change = change;
        this.summary = h("span", {class: "summary"});
        this.controls = h("div", {class: "controls"});
        this.element = h("div", {class: "filters", role: "group", "aria-label": "Filters"}, this.controls, this.summary);
        this.key = "";
    }

    show(filters, shown, all, partial) {
        const board = this.store.board;
        const assignees = new Set();
        const tags = new Map();
        for (const t of this.store.tickets.values()) {
            if (t.assigned_agent_id) assignees.add(t.assigned_agent_id);
            for (const tag of t.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
        }
        const top = [...tags].sort((a, b) => b[1] - a[1]).slice(0, 100).map(([tag]) => tag).sort();
        const key = JSON.stringify([filters, board.version, [...assignees].sort(), top]);
        if (key !== this.key && !(this.key && this.controls.contains(document.activeElement) && filters === this.filters)) {
            const held = this.controls.contains(document.activeElement) ? document.activeElement.dataset.filter : null;
            this.key = key;
            this.filters = filters;
            const list = (values, any) => [["", any], ...values.map((v) => [v, words(v)])];
            const raw = (values, any) => [["", any], ...values.map((v) => [v, v])];
            const c = (label, name, options) => choice(label, name, filters[name], options, this.change);
            fill(this.controls,
                c("Type", "type", list(board.ticket_types, "Any type")),
                c("Priority", "priority", list(this.store.priorities(), "Any priority")),
                c("Assignee", "assignee", raw([...assignees].sort(), "Anybody")),
                c("Tag", "tag", raw(top, "Any tag")),
                c("State", "state", states),
                c("Order", "sort", sorts),
                names.some((n) => n !== "sort" && filters[n])
                    ? h("button", {type: "button", class: "quiet", on: {click: () => this.change(null)}}, "Clear") : null);
            if (held) this.controls.querySelector(`[data-filter="${held}"]`)?.focus();
        }
        const count = shown === all ? plural(all, "ticket") : `${figure(shown)} of ${figure(all)}`;
        fill(this.summary, partial ? `${count}, loading…` : this.store.capped ? `newest ${count}` : count);
    }
}
