// A small dialog that asks for a text; null when it was called off.
import {h, uniqueId} from "./dom.js";

export function ask(title, label, {multiline = true, value = ""} = {}) {
    return new Promise((resolve) => {
        const heading = uniqueId("ask");
        const field = h(multiline ? "textarea" : "input", {rows: "4", required: true, value});
        const form = h("form", {method: "dialog", on: {submit: (e) => {
            e.preventDefault();
            dialog.close(field.value.trim());
        }}},
        h("h2", {id: heading}, title), h("label", {}, h("span", {}, label), field),
        h("div", {class: "buttons"},
            h("button", {type: "button", on: {click: () => dialog.close("")}}, "Cancel"),
            h("button", {type: "submit", class: "primary"}, "OK")));
        const dialog = h("dialog", {class: "small", "aria-labelledby": heading}, form);
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(dialog.returnValue || null);
        });
        document.body.append(dialog);
        dialog.showModal();
        field.focus();
    });
}
