// The token is pasted once; the browser then keeps a cookie that no script can read.
import {h} from "./dom.js";
import {api} from "./api.js";

export const NAME_KEY = "ticketbus.agent";

export function signIn(done) {
    const token = h("input", {type: "password", required: true, autocomplete: "off", spellcheck: "false", placeholder: "tbk_…"});
    let remembered = "";
    try {
        remembered = localStorage.getItem(NAME_KEY) ?? "";
    } catch {
        // Not remembered then.
    }
    const name = h("input", {autocomplete: "username", maxlength: "200", value: remembered, pattern: "[\\x20-\\x7e]*"});
    const problem = h("p", {class: "problem", role: "alert"});
    const form = h("form", {on: {submit: async (e) => {
        e.preventDefault();
        problem.textContent = "";
        const secret = token.value.trim();
        if (!/^[\x21-\x7e]+$/.test(secret)) {
            problem.textContent = "That is no token.";
            return;
        }
        try {
            await api.signIn(secret);
            try {
                localStorage.setItem(NAME_KEY, name.value.trim());
            } catch {
                // Not remembered then.
            }
            done();
        } catch (error) {
            problem.textContent = error.status === 401 ? "The gateway does not know this token." : error.message;
        }
    }}},
    h("h1", {}, "Ticketbus"), h("p", {class: "quiet-text"}, "Sign in with a token. ", h("code", {}, "ticketctl token create"), " makes one."),
    h("label", {}, h("span", {}, "Token"), token),
    h("label", {}, h("span", {}, "Your name, for the history (unless the token says)"), name), problem,
    h("button", {type: "submit", class: "primary"}, "Sign in"));
    queueMicrotask(() => token.focus());
    return h("main", {class: "signin", id: "main"}, form);
}
