import {fill, h} from "./dom.js";
import {icon} from "./icons.js";

const KEY = "ticketbus.theme";
const order = ["auto", "light", "dark"];
const icons = {auto: "auto", light: "sun", dark: "moon"};

// A button that goes from following the system to light to dark.
export function themeButton() {
    let theme = document.documentElement.dataset.theme ?? "auto";
    const button = h("button", {type: "button", class: "quiet", id: "theme", on: {click: () => choose(next())}});
    const next = () => order[(order.indexOf(theme) + 1) % order.length];
    const choose = (name) => {
        theme = name;
        if (name === "auto") delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = name;
        try {
            localStorage.setItem(KEY, name);
        } catch {
            // Not remembered then.
        }
        show();
    };
    const show = () => {
        fill(button, icon(icons[theme]));
        const text = `Theme: ${theme === "auto" ? "as the system" : theme}. Change to ${next()}.`;
        button.setAttribute("aria-label", text);
        button.title = text;
    };
    show();
    return button;
}
