// Moving a ticket: shown at once, taken back with the reason when it is refused.
import {api} from "./api.js";
import {ask} from "./ask.js";
import {announce, toast} from "./notices.js";

export async function move(store, id, column) {
    const ticket = store.tickets.get(id);
    if (!ticket || store.status(ticket) === column) return false;
    const from = store.columnName(ticket.status);
    const to = store.columnName(column);
    let comment = null;
    if (store.board.settings?.require_comment_on_status_change) {
        comment = await ask(`Move to ${to}`, "Why? This board wants a comment.");
        if (!comment) return false;
    }
    store.startMove(id, column);
    try {
        store.answered(await api.move(id, column, comment));
        announce(`${ticket.title}: moved from ${from} to ${to}.`);
        return true;
    } catch (error) {
        toast(`“${ticket.title}” stays in ${from}: ${error.message}`, "error");
        return false;
    } finally {
        store.endMove(id, column);
    }
}
