// A ticket on the board. Its height is fixed: columns hold thousands and draw those in sight only.
import {h} from "./dom.js";
import {ago, hue, initials, plural, ticketLabel, words} from "./format.js";
import {icon} from "./icons.js";

export function avatar(name) {
    return h("span", {class: "avatar", title: name, vars: {"--hue": hue(name)}},
        h("span", {"aria-hidden": "true"}, initials(name)), h("span", {class: "hidden-text"}, `assigned to ${name}`));
}

export function priorityMark(priority, priorities) {
    const rank = priorities.indexOf(priority);
    const level = rank < 0 || priorities.length < 2 ? 2 : Math.round((rank / (priorities.length - 1)) * 3);
    return h("span", {class: `priority p${level}`}, words(priority));
}

export function card(ticket, store) {
    const blockers = ticket.blocked_by_ticket_ids.length;
    const moving = store.moving.has(ticket.ticket_id);
    return h("li", {
        class: `card${ticket.is_blocked ? " is-blocked" : ""}${moving ? " is-moving" : ""}`,
        draggable: "true", data: {ticket: ticket.ticket_id},
    },
    h("a", {class: "card-title", href: `#ticket=${encodeURIComponent(ticket.ticket_id)}`, tabindex: "-1", draggable: "false"}, ticket.title),
    h("div", {class: "card-meta"},
        priorityMark(ticket.priority, store.priorities()),
        h("span", {class: "type"}, words(ticket.ticket_type)),
        ticket.is_blocked || blockers ? h("span", {class: "blocked", title: `Blocked by ${plural(blockers, "ticket")}`}, icon("blocked"),
            h("span", {class: "hidden-text"}, "blocked by"), blockers || "") : null,
        h("span", {class: "card-tags", title: ticket.tags.join(", ")}, ticket.tags.slice(0, 3).map((tag) => h("span", {class: "tag"}, tag))),
        h("span", {class: "id", title: `changed ${ago(ticket.updated_at)}`}, ticketLabel(ticket)),
        ticket.assigned_agent_id ? avatar(ticket.assigned_agent_id) : null));
}
