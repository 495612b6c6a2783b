// Moves by keys: arrows walk, Space picks up and puts down.
import {announce} from "./notices.js";
import {move} from "./moves.js";

export function keys(board) {
    let held = null; // {id, at: index of the column it would go to}

    const mark = () => {
        board.columns.forEach((c, i) => c.element.classList.toggle("is-target", held !== null && i === held.at));
        board.row.querySelectorAll(".is-held").forEach((e) => e.classList.remove("is-held"));
        if (held) board.row.querySelector(`[data-ticket="${CSS.escape(held.id)}"]`)?.classList.add("is-held");
    };
    const drop = async () => {
        const {id, at} = held;
        held = null;
        mark();
        const column = board.columns[at];
        const moving = move(board.store, id, column.id);
        column.focus(id);
        await moving;
        const ticket = board.store.tickets.get(id);
        const home = ticket && board.columns.find((c) => c.id === board.store.status(ticket));
        const wandered = document.activeElement !== document.body && !board.row.contains(document.activeElement);
        if (home && !wandered) home.focus(id);
    };
    const walk = (column, id, key) => {
        const i = column.tickets.findIndex((t) => t.ticket_id === id);
        if (key === "ArrowDown" || key === "ArrowUp" || key === "Home" || key === "End") {
            const last = column.tickets.length - 1;
            const to = {ArrowDown: Math.min(last, i + 1), ArrowUp: Math.max(0, i - 1), Home: 0, End: last}[key];
            column.focus(column.tickets[to]?.ticket_id);
            return;
        }
        const step = key === "ArrowRight" ? 1 : -1;
        for (let at = board.columns.indexOf(column) + step; board.columns[at]; at += step) {
            const next = board.columns[at];
            if (next.tickets.length) {
                next.focus(next.tickets[Math.min(i, next.tickets.length - 1)].ticket_id);
                next.element.scrollIntoView({block: "nearest", inline: "nearest"});
                return;
            }
        }
    };

    board.row.addEventListener("keydown", (e) => {
        const id = e.target.closest(".card")?.dataset.ticket;
        const column = board.column(e);
        if (!id || !column || e.ctrlKey || e.metaKey || e.altKey) return;
        const arrows = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
        if (held) {
            if (e.key === "Escape" || e.key === "Tab") {
                held = null;
                mark();
                announce("Left where it was.");
                if (e.key === "Escape") e.preventDefault();
                return;
            }
            if (e.key === " " || e.key === "Enter") {
                e.preventDefault();
                drop();
            } else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
                e.preventDefault();
                held.at = Math.max(0, Math.min(board.columns.length - 1, held.at + (e.key === "ArrowRight" ? 1 : -1)));
                mark();
                board.columns[held.at].element.scrollIntoView({block: "nearest", inline: "nearest"});
                announce(`Over ${board.columns[held.at].config.name}.`);
            } else if (arrows.includes(e.key)) {
                e.preventDefault();
            }
        } else if (e.key === " ") {
            e.preventDefault();
            held = {id, at: board.columns.indexOf(column)};
            mark();
            announce("Picked up. Left and right choose a column, Space puts it down, Escape leaves it.");
        } else if (arrows.includes(e.key)) {
            e.preventDefault();
            walk(column, id, e.key);
        }
    });
}
