// What waits for what: blockers on the left, those who wait for them to the right.
import {fill, h, svg} from "./dom.js";
import {colour, plural} from "./format.js";

const WIDTH = 220, HEIGHT = 58, GAP_X = 70, GAP_Y = 14, MOST = 400;

// Pure: places tickets that block or wait in layers by the longest chain before them.
export function layers(tickets, most = MOST) {
    const edges = [];
    const nodes = new Map();
    for (const t of tickets.values()) {
        for (const b of t.blocked_by_ticket_ids) {
            if (!tickets.has(b) || nodes.size >= most) continue;
            nodes.set(b, tickets.get(b));
            nodes.set(t.ticket_id, t);
            edges.push([b, t.ticket_id]);
        }
    }
    const before = new Map([...nodes.keys()].map((id) => [id, []]));
    for (const [from, to] of edges) before.get(to).push(from);
    const depth = new Map();
    const measure = (id, path) => {
        if (depth.has(id)) return depth.get(id);
        if (path.has(id)) return 0;
        path.add(id);
        const d = Math.max(-1, ...before.get(id).map((b) => measure(b, path))) + 1;
        path.delete(id);
        depth.set(id, d);
        return d;
    };
    for (const id of nodes.keys()) measure(id, new Set());
    const columns = [];
    for (const [id, d] of depth) (columns[d] ??= []).push(id);
    const place = new Map();
    for (const column of columns) {
        // Near the middle of what they wait for, so that lines cross less.
        const middle = (id) => before.get(id).reduce((sum, b) => sum + (place.get(b) ?? 0), 0) / (before.get(id).length || 1);
        column.sort((a, b) => middle(a) - middle(b)).forEach((id, i) => place.set(id, i));
    }
    return {columns, edges, nodes, place, depth};
}

export class DepsView {
    constructor(store) {
        this.store = store;
        this.summary = h("p", {class: "summary"});
        this.canvas = h("div", {class: "deps-canvas"});
        this.element = h("div", {class: "deps page"}, h("header", {}, h("h1", {}, "Dependencies")), this.summary,
            h("div", {class: "deps-scroll", tabindex: "0", role: "region", "aria-label": "Dependency graph"}, this.canvas));
        this.stop = store.onChange(() => this.draw());
        this.canvas.addEventListener("pointerover", (e) => this.light(e));
        this.canvas.addEventListener("focusin", (e) => this.light(e));
        this.draw();
    }

    close() {
        this.stop();
    }

    light(e) {
        const id = e.target.closest?.("li")?.dataset.ticket;
        for (const line of this.canvas.querySelectorAll("path")) {
            line.classList.toggle("is-lit", Boolean(id) && (line.dataset.from === id || line.dataset.to === id));
        }
    }

    draw() {
        const {columns, edges, nodes, place, depth} = layers(this.store.tickets);
        const key = JSON.stringify([edges, [...nodes.values()].map((t) => [t.version, this.store.status(t)])]);
        if (key === this.key) return;
        this.key = key;
        const x = (id) => depth.get(id) * (WIDTH + GAP_X) + 8;
        const y = (id) => place.get(id) * (HEIGHT + GAP_Y) + 8;
        const width = columns.length * (WIDTH + GAP_X);
        const height = Math.max(0, ...columns.map((c) => c.length)) * (HEIGHT + GAP_Y) + 16;
        this.canvas.style.width = `${width}px`;
        this.canvas.style.height = `${height}px`;
        const free = columns[0]?.filter((id) => !nodes.get(id).assigned_agent_id).length ?? 0;
        fill(this.summary, edges.length ? `${plural(nodes.size, "ticket")} in chains; ${free} at the front with nobody on ${free === 1 ? "it" : "them"}.` : "Nothing is blocked.");
        const held = this.canvas.contains(document.activeElement) ? document.activeElement.closest("li")?.dataset.ticket : null;
        fill(this.canvas,
            svg("svg", {width, height, "aria-hidden": "true"}, edges.map(([a, b]) => {
                const [x1, y1, x2, y2] = [x(a) + WIDTH, y(a) + HEIGHT / 2, x(b), y(b) + HEIGHT / 2];
                return svg("path", {d: `M${x1} ${y1}C${x1 + GAP_X / 2} ${y1} ${x2 - GAP_X / 2} ${y2} ${x2} ${y2}`, data: {from: a, to: b}});
            })),
            h("ul", {}, columns.flat().map((id) => {
                const t = nodes.get(id);
                const column = this.store.column(this.store.status(t));
                const waits = t.blocked_by_ticket_ids.filter((b) => nodes.has(b)).map((b) => nodes.get(b).title);
                const node = h("li", {class: depth.get(id) === 0 ? "is-front" : "", data: {ticket: id}, vars: {"--column": colour(column?.color)}},
                    h("a", {href: `#ticket=${encodeURIComponent(id)}`}, t.title),
                    h("span", {class: "quiet-text"}, `${column?.name ?? t.status} · ${t.assigned_agent_id ?? "nobody"}`),
                    waits.length ? h("span", {class: "hidden-text"}, `waits for ${waits.join("; ")}`) : null);
                node.style.transform = `translate(${x(id)}px, ${y(id)}px)`;
                return node;
            })));
        if (held) this.canvas.querySelector(`[data-ticket="${CSS.escape(held)}"] a`)?.focus();
    }
}
