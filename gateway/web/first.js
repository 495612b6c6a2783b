// What the first view asks for, asked while the other modules are still on their way: this one needs two of them only.
import {api} from "./api.js";
import {parse} from "./router.js";

const PREVIEW = 120; // tickets: more than are in sight
const KEY = "ticketbus.signed-in"; // not the session, only that there was one: questions of strangers would be denials

// Remembers for the next visit whether this browser is signed in.
export function remember(signedIn) {
    try {
        if (signedIn) localStorage.setItem(KEY, "yes");
        else localStorage.removeItem(KEY);
    } catch {
        // Storage may be forbidden: the next visit asks a little later.
    }
}

export const preview = (workflow) => api.page(workflow, null, PREVIEW);

const asked = new Map();

function ask(name, question) {
    question.catch(() => {}); // told to whoever takes it
    asked.set(name, question);
}

// The answer under way, once; null: nobody asked.
export function take(name) {
    const question = asked.get(name) ?? null;
    asked.delete(name);
    return question;
}

let known = false;
try {
    known = localStorage.getItem(KEY) !== null;
} catch {
    // As above.
}
if (known) {
    const {workflow} = parse(location.hash);
    ask("workflows", api.workflows());
    if (workflow) {
        ask(`board ${workflow}`, api.board(workflow));
        ask(`tickets ${workflow}`, preview(workflow));
    }
}
