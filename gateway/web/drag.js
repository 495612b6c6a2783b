// Moves by mouse.
import {move} from "./moves.js";

export function dragging(board) {
    let dragged = null;
    let over = null;
    const mark = (column) => {
        if (over === column) return;
        over?.element.classList.remove("is-target");
        over = column;
        over?.element.classList.add("is-target");
    };
    board.row.addEventListener("dragstart", (e) => {
        const card = e.target.closest(".card");
        if (!card) return;
        dragged = card.dataset.ticket;
        e.dataTransfer.effectAllowed = "move";
        e.dataTransfer.setData("text/plain", dragged);
        card.classList.add("is-dragged");
    });
    board.row.addEventListener("dragend", () => {
        board.row.querySelector(".is-dragged")?.classList.remove("is-dragged");
        dragged = null;
        mark(null);
    });
    board.row.addEventListener("dragover", (e) => {
        const column = board.column(e);
        if (!dragged || !column) return;
        e.preventDefault();
        e.dataTransfer.dropEffect = "move";
        mark(column);
    });
    board.row.addEventListener("drop", (e) => {
        const column = board.column(e);
        if (!dragged || !column) return;
        e.preventDefault();
        const id = dragged;
        dragged = null;
        mark(null);
        move(board.store, id, column.id);
    });
}
