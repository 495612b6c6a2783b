// Why a ticket waits: its open blockers, theirs, and so on, down to those somebody could work on now.
import {h} from "./dom.js";
import {ticketLink} from "./link.js";

const DEEP = 8;

export function why(ticket, blockers, store) {
    const open = blockers.filter((b) => b.blocks ?? !b.is_resolved);
    if (open.length === 0) return null;
    const seen = new Set([ticket.ticket_id]);
    const level = (ids, depth) => h("ul", {class: "why"}, ids.map((id) => {
        const known = store.tickets.get(id) ?? blockers.find((b) => b.ticket_id === id);
        const repeated = seen.has(id);
        seen.add(id);
        const below = known?.blocked_by_ticket_ids ?? [];
        return h("li", {},
            known?.title ? ticketLink({...known, ticket_id: id}, store) : h("span", {class: "quiet-text"}, `${id}, which nobody has created yet`),
            known?.title && below.length === 0 ? h("span", {class: "quiet-text"}, known.assigned_agent_id ? ` ${known.assigned_agent_id} is on it` : " nobody is on it") : null,
            below.length && !repeated && depth < DEEP ? level(below, depth + 1) : null);
    }));
    return level(open.map((b) => b.ticket_id), 1);
}
