// Building elements. All text goes through textContent: nothing that comes from a ticket is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

// h("button", {class: "x", on: {click}, disabled: true}, "text", element, null)
export function h(tag, props = {}, ...children) {
    const element = document.createElement(tag);
    set(element, props);
    append(element, children);
    return element;
}

export function svg(tag, props = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    set(element, props);
    append(element, children);
    return element;
}

function set(element, props) {
    for (const [name, value] of Object.entries(props ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name === "on") {
            for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
        } else if (name === "data") {
            Object.assign(element.dataset, value);
        } else if (name === "vars") {
            for (const [variable, v] of Object.entries(value)) element.style.setProperty(variable, v);
        } else if (name === "value" && "value" in element) {
            element.value = value;
        } else {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
}

export function append(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
}

export function fill(element, ...children) {
    element.replaceChildren();
    return append(element, children);
}

// At most one call within `ms`, the last one.
export function debounce(ms, fn) {
    let timer = 0;
    const late = (...args) => {
        clearTimeout(timer);
        timer = setTimeout(() => fn(...args), ms);
    };
    late.cancel = () => clearTimeout(timer);
    return late;
}

let serial = 0;
export const uniqueId = (prefix) => `${prefix}-${++serial}`;
