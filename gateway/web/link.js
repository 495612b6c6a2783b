import {h} from "./dom.js";
import {colour} from "./format.js";

// A ticket's title that opens it, with the column it is in.
export function ticketLink(t, store) {
    const column = store.column(t.status);
    return h("span", {class: `ticket-link${t.is_resolved ? " is-resolved" : ""}`},
        h("a", {href: `#ticket=${encodeURIComponent(t.ticket_id)}`}, t.title || t.ticket_id), " ",
        t.status ? h("span", {class: "pill", vars: {"--column": colour(column?.color)}}, column?.name ?? t.status) : null);
}
