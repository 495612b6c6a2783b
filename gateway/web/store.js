// What the page knows: the board's configuration and its tickets. Tickets are never changed in place, so whoever shows
// one can tell by identity whether it is still the same.
import {api} from "./api.js";

const PAGE = 1000;
const MOST = 20000;
const ACTIVITY = 200;

const pick = (t) => ({
    ticket_id: t.ticket_id, version: t.version, workflow_id: t.workflow_id, external_id: t.external_id, title: t.title ?? "",
    status: t.status, ticket_type: t.ticket_type, priority: t.priority, assigned_agent_id: t.assigned_agent_id,
    tags: t.tags ?? [], blocked_by_ticket_ids: t.blocked_by_ticket_ids ?? [], is_blocked: Boolean(t.is_blocked),
    is_resolved: Boolean(t.is_resolved), is_deleted: Boolean(t.is_deleted), created_at: t.created_at, updated_at: t.updated_at,
});

export class Store {
    constructor(workflow) {
        this.workflow = workflow;
        this.board = null;
        this.tickets = new Map();
        this.edition = 0; // another whenever tickets is
        this.moving = new Map(); // ticket → column it is on its way to
        this.activity = [];
        this.loaded = false;
        this.capped = false;
        this.listeners = new Set();
        this.eventListeners = new Set();
        this.boardListeners = new Set();
        this.frame = 0;
        this.generation = 0;
        this.refetching = new Set();
        this.lastChange = null;
        this.touched = null; // tickets put while all are read
    }

    onChange(fn) {
        this.listeners.add(fn);
        return () => this.listeners.delete(fn);
    }

    onEvent(fn) {
        this.eventListeners.add(fn);
        return () => this.eventListeners.delete(fn);
    }

    onBoard(fn) {
        this.boardListeners.add(fn);
        return () => this.boardListeners.delete(fn);
    }

    // One call per frame, however many changes.
    changed() {
        if (this.frame) return;
        const tell = () => {
            this.frame = 0;
            for (const fn of [...this.listeners]) fn();
        };
        // A hidden page has no frames.
        this.frame = document.hidden ? setTimeout(tell, 200) : requestAnimationFrame(tell);
    }

    changedNow() {
        for (const fn of [...this.listeners]) fn();
    }

    async loadBoard(asked = api.board(this.workflow)) {
        const board = await asked;
        board.columns = [...board.columns].sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
        this.board = board;
        for (const fn of [...this.boardListeners]) fn();
    }

    // Something to see until all are read; nobody tells yet what changes meanwhile.
    preview(tickets) {
        if (this.generation > 0) return; // they are being read: what comes late may be older
        for (const ticket of tickets) this.put(ticket);
        this.changed();
    }

    // Newest first, a page at a time; what changes meanwhile comes as events, which win by their version. What was there
    // before and is there no more goes.
    async loadTickets() {
        const mine = ++this.generation;
        const before = [...this.tickets.keys()];
        const touched = (this.touched = new Set());
        const seen = new Set();
        let cursor = null;
        this.loaded = this.capped = false;
        do {
            const page = await api.page(this.workflow, cursor, PAGE);
            if (mine !== this.generation) return;
            for (const ticket of page.tickets) {
                seen.add(ticket.ticket_id);
                this.put(ticket);
            }
            cursor = page.next_cursor;
            this.capped = Boolean(cursor) && seen.size >= MOST;
            this.changed();
        } while (cursor && !this.capped);
        this.loaded = true;
        this.touched = null;
        if (!this.capped) {
            for (const id of before) {
                if (!seen.has(id) && !touched.has(id)) this.drop(id);
            }
        }
        this.changed();
    }

    // After a gap in the stream, everything again.
    async reload() {
        await Promise.all([this.loadBoard(), this.loadTickets()]);
    }

    drop(id) {
        this.edition++;
        this.tickets.delete(id);
    }

    put(row) {
        const known = this.tickets.get(row.ticket_id);
        if (known && known.version >= row.version) return false;
        if (row.workflow_id && row.workflow_id !== this.workflow) return false;
        this.edition++;
        if (row.is_deleted) this.tickets.delete(row.ticket_id);
        else this.tickets.set(row.ticket_id, Object.freeze(pick({...known, ...row})));
        this.touched?.add(row.ticket_id);
        return true;
    }

    // A command's answer: its row is newer than the stream.
    answered(reply) {
        if (reply?.ticket && this.put(reply.ticket)) this.changed();
    }

    event(event) {
        const id = event.subject;
        this.lastChange = Date.now();
        if (event.type?.startsWith("board.")) {
            this.loadBoard().catch(() => {});
            return;
        }
        const after = event.data?.after;
        const sequence = Number(event.sequence ?? 0);
        if (sequence > 0 && after) {
            const known = this.tickets.get(id);
            const created = event.type === "ticket.created";
            if (!known && !created && after.is_deleted !== true) {
                this.refetch(id);
            } else if (known && sequence > known.version + 1) {
                this.put({...after, ticket_id: id, version: sequence});
                this.refetch(id);
            } else if (!known || sequence > known.version) {
                this.put({workflow_id: event.data.workflow_id, ...after, ticket_id: id, version: sequence});
            }
            this.changed();
        }
        this.activity.unshift(event);
        if (this.activity.length > ACTIVITY) this.activity.pop();
        for (const fn of [...this.eventListeners]) fn(event);
    }

    // One that was restored, came from another workflow, or of which an event is missing.
    async refetch(id) {
        if (this.refetching.has(id)) return;
        this.refetching.add(id);
        try {
            const {ticket} = await api.ticket(id);
            if (ticket.workflow_id === this.workflow && !ticket.is_deleted) {
                this.drop(id);
                this.put(ticket);
            } else {
                this.drop(id);
            }
            this.changed();
        } catch {
            // Gone, or not ours to see.
        } finally {
            this.refetching.delete(id);
        }
    }

    status(ticket) {
        return this.moving.get(ticket.ticket_id) ?? ticket.status;
    }

    startMove(id, column) {
        this.moving.set(id, column);
        this.changedNow();
    }

    endMove(id, column) {
        if (this.moving.get(id) === column) this.moving.delete(id);
        this.changedNow();
    }

    column(id) {
        return this.board?.columns.find((c) => c.id === id) ?? null;
    }

    columnName(id) {
        return this.column(id)?.name ?? id;
    }

    priorities() {
        return this.board?.settings?.priorities ?? [];
    }
}
