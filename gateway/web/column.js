// One column: a head that stays, and a list of which only the cards in sight exist.
import {fill, h} from "./dom.js";
import {card} from "./card.js";
import {colour, count, plural} from "./format.js";

const PITCH = 90; // height of a card and the gap below it; board.css has the same
const SPARE = 4;

export class Column {
    constructor(config, store) {
        this.id = config.id;
        this.store = store;
        this.tickets = [];
        this.shown = new Map(); // ticket id → {element, ticket, moving}
        this.focused = null;
        // Known, not asked for: asking makes the browser lay out what was just written.
        this.height = 0;
        this.scrolled = 0;
        this.count = h("span", {class: "count"});
        this.track = h("ul", {class: "track", role: "list"});
        this.list = h("div", {class: "scroller"}, this.track);
        this.heading = h("h2", {id: `column-${config.id}`});
        this.element = h("section", {class: "column", "aria-labelledby": this.heading.id, data: {column: config.id}},
            h("header", {}, h("span", {class: "dot", "aria-hidden": "true"}), this.heading, this.count), this.list);
        this.list.addEventListener("scroll", () => {
            this.scrolled = this.list.scrollTop;
            this.draw();
        }, {passive: true});
        this.configure(config);
    }

    configure(config) {
        this.config = config;
        this.element.style.setProperty("--column", colour(config.color));
        fill(this.heading, config.name || config.id);
        this.element.classList.toggle("is-done", config.category === "done");
    }

    show(tickets, total, partial) {
        this.tickets = tickets;
        const limit = this.config.wip_limit;
        const here = partial ? total : tickets.length;
        const over = limit && total > limit;
        this.element.classList.toggle("is-over", Boolean(over));
        fill(this.count, h("span", {"aria-hidden": "true"}, limit ? `${here} / ${limit}` : count(here)),
            h("span", {class: "hidden-text"}, plural(here, "ticket") + (limit ? `, limit ${limit}` : "") + (over ? ", over the limit" : "")));
        this.track.style.height = `${tickets.length * PITCH}px`;
        this.draw();
    }

    measure() {
        this.height = this.list.clientHeight;
        this.scrolled = this.list.scrollTop;
    }

    draw() {
        const height = this.height || 600;
        // A list that became shorter is scrolled back by the browser, and then told of.
        const top = Math.min(this.scrolled, Math.max(0, this.tickets.length * PITCH - height));
        const first = Math.max(0, Math.floor(top / PITCH) - SPARE);
        const last = Math.min(this.tickets.length, Math.ceil((top + height) / PITCH) + SPARE);
        const wanted = new Map();
        for (let i = first; i < last; i++) wanted.set(this.tickets[i].ticket_id, i);
        // The one that has the focus stays, wherever the list is scrolled to.
        const kept = this.focused ? this.tickets.findIndex((t) => t.ticket_id === this.focused) : -1;
        if (kept >= 0) wanted.set(this.focused, kept);
        for (const [id, item] of this.shown) {
            if (!wanted.has(id)) {
                item.element.remove();
                this.shown.delete(id);
            }
        }
        let previous = null;
        for (const [id, i] of [...wanted].sort((a, b) => a[1] - b[1])) {
            const ticket = this.tickets[i];
            const moving = this.store.moving.has(id);
            let item = this.shown.get(id);
            if (!item || item.ticket !== ticket || item.moving !== moving) {
                const hadFocus = item?.element.contains(document.activeElement);
                const element = card(ticket, this.store);
                item?.element.replaceWith(element);
                item = {element, ticket, moving, index: -1};
                this.shown.set(id, item);
                if (hadFocus) element.querySelector("a").focus({preventScroll: true});
            }
            const {element} = item;
            if (item.index !== i) {
                item.index = i;
                element.style.transform = `translateY(${i * PITCH}px)`;
            }
            element.setAttribute("aria-posinset", i + 1);
            element.setAttribute("aria-setsize", this.tickets.length);
            // In the order of the list, for whoever reads it without eyes.
            const place = previous ? previous.nextSibling : this.track.firstChild;
            if (place !== element) this.track.insertBefore(element, place);
            previous = element;
        }
        this.rove();
    }

    // Tab reaches one card of each column; arrow keys go on from there.
    rove() {
        const first = this.shown.has(this.focused) ? this.focused : this.tickets.find((t) => this.shown.has(t.ticket_id))?.ticket_id;
        for (const [id, {element}] of this.shown) element.firstChild.tabIndex = id === first ? 0 : -1;
    }

    focus(id) {
        const i = this.tickets.findIndex((t) => t.ticket_id === id);
        if (i < 0) return false;
        this.focused = id;
        const top = i * PITCH;
        if (top < this.list.scrollTop) this.list.scrollTop = top;
        else if (top + PITCH > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = top + PITCH - this.list.clientHeight;
        this.measure();
        this.draw();
        this.shown.get(id)?.element.firstChild.focus({preventScroll: true});
        return true;
    }
}
