// A ticket's history: the entries of one change together, with who, when, before and after, why and its trace.
import {h} from "./dom.js";
import {ago, shortId, when, words} from "./format.js";
import {avatar} from "./card.js";

const hidden = new Set(["started_at", "completed_at", "resolved_at", "deleted_at", "is_resolved", "is_deleted", "updated_at"]);
// The description of these says it all.
const told = new Set(["is_blocked", "blocked_by_ticket_ids"]);

// Pure: [{version, agent, at, what, fields: [{name, before, after}], rationale}], latest first.
export function changes(history) {
    const byVersion = new Map();
    for (const row of history) {
        let change = byVersion.get(row.version);
        if (!change) {
            change = {version: row.version, agent: row.agent_id, at: row.changed_at, type: row.change_type,
                what: row.change_description || words(row.change_type), fields: [], rationale: null, comment: null};
            byVersion.set(row.version, change);
        }
        if (row.field_name && !hidden.has(row.field_name) && !told.has(row.field_name)) {
            change.fields.push({name: row.field_name, before: row.old_value, after: row.new_value});
        }
        change.rationale ??= row.metadata?.rationale ?? null;
        change.comment ??= row.metadata?.comment_id ?? null;
    }
    return [...byVersion.values()].sort((a, b) => b.version - a.version);
}

// A ticket's id in a text becomes a link.
function linked(text) {
    return String(text).split(/(ticket-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/).map((piece, i) =>
        (i % 2 ? h("a", {href: `#ticket=${encodeURIComponent(piece)}`, title: piece}, shortId(piece)) : piece));
}

const LONG = 160;
function value(text, kind) {
    if (text === null || text === undefined || text === "") return h("span", {class: "none"}, "nothing");
    const shown = String(text);
    return h(kind, {}, shown.length > LONG ? `${shown.slice(0, LONG)}…` : shown);
}

// Columns by their names; a move's own line below says from where to where.
function saying(c, store) {
    if (c.type === "status_changed" && c.fields.some((f) => f.name === "status")) return "moved";
    if (c.type === "commented") return words(c.what);
    if (c.type !== "created" && c.type !== "reopened") return c.what;
    return String(c.what).replace(/(?<= (?:in|into) )\S+$/, (id) => store.columnName(id));
}

export function timeline(history, traces, store) {
    const shown = (f, text) => (f.name === "status" && text ? store.columnName(text) : text);
    return h("ol", {class: "timeline"}, changes(history).map((c) => h("li", {},
        avatarOf(c.agent),
        h("div", {},
            h("p", {class: "what"}, h("strong", {}, c.agent ?? "unknown"), " ", linked(saying(c, store)), " ",
                h("time", {datetime: c.at, title: when(c.at)}, ago(c.at))),
            c.fields.map((f) => h("p", {class: "field"}, h("span", {class: "name"}, words(f.name)), " ", value(shown(f, f.before), "del"), " → ", value(shown(f, f.after), "ins"))),
            c.rationale ? h("blockquote", {}, c.rationale) : null,
            traces?.get(c.version) ? h("p", {class: "trace"}, "trace ", h("code", {}, traces.get(c.version))) : null))));
}

function avatarOf(name) {
    const mark = avatar(name ?? "?");
    mark.setAttribute("aria-hidden", "true");
    return mark;
}
