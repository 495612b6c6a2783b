// What happened, said twice: in a line on the screen and to a screen reader.
import {fill, h} from "./dom.js";
import {icon} from "./icons.js";

const polite = h("div", {class: "hidden-text", role: "status", "aria-live": "polite", id: "announcer"});
const toasts = h("div", {class: "toasts", role: "alert"});
const SECONDS = {info: 4, error: 12};

export function installNotices(parent) {
    parent.append(polite, toasts);
}

// Toasts must lie above a modal dialog, so they move into the one on top.
export function hostNotices(parent) {
    parent.append(polite, toasts);
}

export function announce(text) {
    fill(polite, text);
}

export function toast(text, kind = "info") {
    const line = h("div", {class: `toast ${kind}`, data: {testid: "toast"}},
        h("span", {}, text),
        h("button", {class: "quiet", type: "button", "aria-label": "Dismiss", on: {click: () => line.remove()}}, icon("close")));
    toasts.append(line);
    while (toasts.children.length > 4) toasts.firstChild.remove();
    setTimeout(() => line.remove(), SECONDS[kind] * 1000);
}

export const failed = (error) => {
    if (error.name !== "AbortError") toast(error.message, "error");
};
