// A ticket's page: a dialog over whatever was open, kept true by events.
import {debounce, fill, h, uniqueId} from "./dom.js";
import {api} from "./api.js";
import {ask} from "./ask.js";
import {avatar, priorityMark} from "./card.js";
import {commitItem} from "./diff.js";
import {ago, ticketLabel, when, words} from "./format.js";
import {icon} from "./icons.js";
import {ticketLink} from "./link.js";
import {move} from "./moves.js";
import {announce, failed, hostNotices} from "./notices.js";
import {timeline} from "./timeline.js";
import {why} from "./why.js";

const section = (title, ...content) => h("section", {}, h("h3", {}, title), content);

export class TicketView {
    constructor(id, store, closed) {
        this.id = id;
        this.store = store;
        this.title = h("h2", {id: uniqueId("ticket"), class: "ticket-title", tabindex: "-1"}, "Loading…");
        this.line = h("div", {class: "ticket-line"});
        this.main = h("div", {class: "ticket-main"});
        this.side = h("div", {class: "ticket-side"});
        this.similar = h("div", {});
        this.dialog = h("dialog", {class: "ticket", "aria-labelledby": this.title.id, data: {ticket: id}},
            h("header", {}, this.line, h("button", {type: "button", class: "quiet", "aria-label": "Close", on: {click: () => this.dialog.close()}}, icon("close"))),
            h("div", {class: "ticket-body"}, h("div", {class: "ticket-main-wrap"}, this.title, this.main, this.commentForm()), this.side));
        this.dialog.addEventListener("close", () => {
            this.stop();
            hostNotices(document.body);
            this.dialog.remove();
            closed();
        });
        this.dialog.addEventListener("click", (e) => e.target === this.dialog && this.dialog.close());
        this.refresh = debounce(120, () => this.load().catch(() => {}));
        this.stopEvents = store.onEvent((e) => e.subject === id && this.refresh());
        document.body.append(this.dialog);
        hostNotices(this.dialog);
        this.dialog.showModal();
        this.title.focus();
        this.load().then(() => this.loadSimilar()).catch((error) => fill(this.title, error.message));
    }

    stop() {
        this.refresh.cancel();
        this.stopEvents();
    }

    async load() {
        const mine = (this.asked = (this.asked ?? 0) + 1);
        const data = await api.ticket(this.id);
        if (mine !== this.asked || !this.dialog.isConnected) return;
        this.data = data;
        // Not under the hands of somebody who is typing.
        if (this.main.contains(document.activeElement) && document.activeElement.matches("input, textarea")) return;
        this.show();
    }

    async run(done, fn) {
        try {
            this.store.answered(await fn());
            announce(done);
        } catch (error) {
            failed(error);
        }
        await this.load().catch(failed);
    }

    show() {
        const {ticket, comments, commits, history, blocked_by, blocks, links, children, parked} = this.data;
        const {store} = this;
        fill(this.title, ticket.title);
        fill(this.line, h("code", {title: ticket.ticket_id}, ticketLabel(ticket)), priorityMark(ticket.priority, store.priorities()),
            h("span", {class: "type"}, words(ticket.ticket_type)), ticket.is_resolved ? h("span", {class: "resolved"}, icon("check"), "resolved") : null,
            ticket.is_deleted ? h("span", {class: "blocked"}, "deleted") : null);
        const waiting = why(ticket, blocked_by, store);
        const traces = new Map(store.activity.filter((e) => e.subject === this.id && e.sequence && (e.traceparent || e.correlationid))
            .map((e) => [Number(e.sequence), e.traceparent?.split("-")[1] ?? e.correlationid]));
        fill(this.main,
            parked ? h("p", {class: "note warn"}, `Parked: ${parked.message ?? parked.reason}`) : null,
            waiting ? h("div", {class: "note blocked-note"}, h("h3", {}, icon("blocked"), "Why it is blocked"), waiting) : null,
            h("div", {class: `description${ticket.description ? "" : " none"}`}, ticket.description || "No description."),
            h("button", {type: "button", class: "quiet", on: {click: () => this.edit()}}, icon("edit"), "Edit"),
            commits.length ? section("Commits", commits.map(commitItem)) : null,
            comments.length ? section("Comments", h("ol", {class: "comments"}, comments.map((c) => h("li", {}, avatar(c.agent_id),
                h("div", {}, h("p", {class: "what"}, h("strong", {}, c.agent_id), " ", c.comment_type === "general" ? "" : `${words(c.comment_type)} `,
                    h("time", {datetime: c.created_at, title: when(c.created_at)}, ago(c.created_at)), c.is_edited ? " (edited)" : ""),
                h("div", {class: "text"}, c.comment_text)))))) : null,
            section("History", timeline(history, traces, store)));
        this.showSide(ticket, {blocked_by, blocks, links, children});
    }

    showSide(ticket, {blocked_by, blocks, links, children}) {
        const {store} = this;
        const held = document.activeElement?.closest(".ticket-side") ? document.activeElement.getAttribute("aria-label") : null;
        const select = (label, value, options, fn) => {
            const element = h("select", {"aria-label": label, on: {change: () => fn(element.value)}},
                (options.some(([v]) => v === value) ? options : [[value, words(value)], ...options]).map(([v, text]) => h("option", {value: v, selected: v === value}, text)));
            return element;
        };
        const update = (what, fields) => this.run(`${what} changed.`, () => api.update(this.id, fields));
        const row = (name, ...content) => h("div", {class: "row"}, h("span", {class: "label"}, name), h("div", {}, content));
        const list = (title, tickets) => (tickets.length ? section(title, h("ul", {class: "links"}, tickets.map((t) => h("li", {}, ticketLink(t, store))))) : null);
        const button = (text, fn, kind = "") => h("button", {type: "button", class: kind, on: {click: fn}}, text);
        fill(this.side,
            row("Column", select("Column", store.moving.get(this.id) ?? ticket.status, store.board.columns.map((c) => [c.id, c.name]),
                async (to) => {
                    if (!store.tickets.has(this.id)) store.put(ticket);
                    await move(store, this.id, to);
                    await this.load().catch(failed);
                    this.show();
                })),
            row("Priority", select("Priority", ticket.priority, store.priorities().map((p) => [p, words(p)]), (priority) => update("Priority", {priority}))),
            row("Type", select("Type", ticket.ticket_type, store.board.ticket_types.map((t) => [t, words(t)]), (ticket_type) => update("Type", {ticket_type}))),
            row("Assignee", ticket.assigned_agent_id ? [avatar(ticket.assigned_agent_id), " ", ticket.assigned_agent_id] : h("span", {class: "none"}, "nobody")),
            h("div", {class: "buttons"},
                button("Assign…", async () => {
                    const to = await ask("Assign", "Agent", {multiline: false, value: ticket.assigned_agent_id ?? ""});
                    if (to) await this.run(`Assigned to ${to}.`, () => api.assign(this.id, to));
                }),
                ticket.assigned_agent_id ? button("Unassign", () => this.run("Unassigned.", () => api.unassign(this.id))) : null,
                ticket.is_resolved ? button("Reopen", () => this.run("Reopened.", () => api.reopen(this.id)))
                    : button("Resolve…", async () => {
                        const text = await ask("Resolve", "How was it resolved?");
                        if (text) await this.run("Resolved.", () => api.resolve(this.id, text));
                    })),
            ticket.tags.length ? row("Tags", h("div", {class: "tags"}, ticket.tags.map((t) => h("span", {class: "tag"}, t)))) : null,
            row("Created", h("span", {title: when(ticket.created_at)}, `${ago(ticket.created_at)} by ${ticket.created_by_agent_id}`)),
            ticket.started_at ? row("Started", h("span", {title: when(ticket.started_at)}, ago(ticket.started_at))) : null,
            ticket.resolved_at ? row("Resolved", h("span", {title: when(ticket.resolved_at)}, ago(ticket.resolved_at))) : null,
            list("Blocked by", blocked_by), list("Blocks", blocks), list("Children", children), list("Related", links), this.similar);
        if (held) this.side.querySelector(`[aria-label="${CSS.escape(held)}"]`)?.focus();
    }

    async loadSimilar() {
        try {
            const {results} = await api.similar(this.id);
            if (results.length) fill(this.similar, section("Similar", h("ul", {class: "links"}, results.slice(0, 5).map((t) => h("li", {}, ticketLink(t, this.store))))));
        } catch {
            // The index may be away; the page does without.
        }
    }

    edit() {
        const {ticket} = this.data;
        const title = h("input", {value: ticket.title, maxlength: "500", required: true});
        const description = h("textarea", {rows: "10", value: ticket.description ?? ""});
        const tags = h("input", {value: ticket.tags.join(", ")});
        const form = h("form", {class: "edit", on: {submit: async (e) => {
            e.preventDefault();
            const updates = {};
            if (title.value !== ticket.title) updates.title = title.value;
            if (description.value !== (ticket.description ?? "")) updates.description = description.value;
            const list = tags.value.split(",").map((t) => t.trim()).filter(Boolean);
            if (list.join() !== ticket.tags.join()) updates.tags = list;
            this.title.focus();
            if (Object.keys(updates).length) await this.run("Saved.", () => api.update(this.id, updates));
            else this.show();
        }}},
        h("label", {}, h("span", {}, "Title"), title), h("label", {}, h("span", {}, "Description"), description),
        h("label", {}, h("span", {}, "Tags, comma separated"), tags),
        h("div", {class: "buttons"}, h("button", {type: "button", on: {click: () => this.show()}}, "Cancel"), h("button", {type: "submit", class: "primary"}, "Save")));
        fill(this.main, form);
        title.focus();
    }

    commentForm() {
        const text = h("textarea", {rows: "3", required: true, placeholder: "What did you find?"});
        return h("form", {class: "comment-form", on: {submit: async (e) => {
            e.preventDefault();
            if (!text.value.trim()) return;
            const sent = text.value;
            text.value = "";
            try {
                await api.comment(this.id, sent);
                announce("Comment added.");
            } catch (error) {
                text.value = sent;
                failed(error);
            }
            await this.load().catch(failed);
        }}}, h("label", {}, h("span", {}, "Add a comment"), text), h("div", {class: "buttons"}, h("button", {type: "submit", class: "primary"}, "Comment")));
    }
}
