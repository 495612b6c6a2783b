// The board: columns side by side, filters above, moves by mouse and by keys.
import {fill, h} from "./dom.js";
import {Column} from "./column.js";
import {comparer, FilterBar, matches} from "./filters.js";
import {dragging} from "./drag.js";
import {keys} from "./keyboard.js";

export class BoardView {
    constructor(store, {setParams}) {
        this.store = store;
        this.columns = [];
        this.filters = {};
        this.sorted = {tickets: [], of: null, by: null};
        this.bar = new FilterBar(store, (name, value) => setParams((p) => {
            for (const n of name ? [name] : ["type", "priority", "assignee", "tag", "state"]) {
                if (name && value) p.set(n, value);
                else p.delete(n);
            }
        }));
        this.row = h("div", {class: "columns"});
        this.hint = h("p", {class: "hidden-text", id: "board-keys"},
            "Arrow keys go from card to card, Enter opens one, Space picks it up: then left and right choose the column, ",
            "Space puts it down, Escape leaves it where it was.");
        this.element = h("div", {class: "board"}, h("h1", {class: "hidden-text"}, "Board"), this.hint, this.bar.element, this.row);
        dragging(this);
        keys(this);
        this.row.addEventListener("focusin", (e) => this.column(e)?.rove(
            this.column(e).focused = e.target.closest(".card")?.dataset.ticket ?? null));
        this.stop = [store.onChange(() => this.draw()), store.onBoard(() => this.configure())];
        this.sizes = new ResizeObserver(() => {
            this.columns.forEach((c) => c.measure());
            this.columns.forEach((c) => c.draw());
        });
        this.sizes.observe(this.row);
        if (store.board) this.configure();
    }

    close() {
        this.stop.forEach((fn) => fn());
        this.sizes.disconnect();
    }

    column(event) {
        const id = event.target.closest?.(".column")?.dataset.column;
        return this.columns.find((c) => c.id === id);
    }

    configure() {
        const old = new Map(this.columns.map((c) => [c.id, c]));
        const wanted = [...this.store.board.columns];
        this.columns = wanted.map((config) => {
            const column = old.get(config.id) ?? new Column(config, this.store);
            column.configure(config);
            return column;
        });
        fill(this.row, this.columns.map((c) => c.element));
        this.columns.forEach((c) => c.measure());
        this.draw();
    }

    setFilters(filters) {
        this.filters = filters;
        if (this.store.board) this.draw();
    }

    // All tickets in the order asked for; sorted anew when one has changed.
    inOrder() {
        const {store, filters, sorted} = this;
        const by = `${filters.sort}\n${store.priorities().join("\n")}`;
        if (sorted.of !== store.edition || sorted.by !== by) {
            const tickets = [...store.tickets.values()].sort(comparer(filters.sort, store.priorities()));
            this.sorted = {tickets, of: store.edition, by};
        }
        return this.sorted.tickets;
    }

    draw() {
        const {store, filters} = this;
        if (!store.board) return;
        const groups = new Map(this.columns.map((c) => [c.id, []]));
        const totals = new Map();
        let shown = 0;
        for (const ticket of this.inOrder()) {
            const status = store.status(ticket);
            totals.set(status, (totals.get(status) ?? 0) + 1);
            if (matches(ticket, filters, store)) {
                groups.get(status)?.push(ticket);
                shown++;
            }
        }
        const partial = !store.loaded && shown === store.tickets.size;
        for (const column of this.columns) {
            const total = partial ? Math.max(store.board.counts?.[column.id] ?? 0, totals.get(column.id) ?? 0) : totals.get(column.id) ?? 0;
            column.show(groups.get(column.id), total, partial);
        }
        this.bar.show(filters, shown, store.tickets.size, !store.loaded);
    }
}
