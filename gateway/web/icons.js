import {svg} from "./dom.js";

const paths = {
    search: "M7 12.5a5.5 5.5 0 1 1 0-11 5.5 5.5 0 0 1 0 11Zm4-1.5 3.5 3.5",
    plus: "M8 3v10M3 8h10",
    close: "m4 4 8 8m0-8-8 8",
    blocked: "M8 14.5a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13ZM3.5 3.5l9 9",
    sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5m0 11V15M1 8h1.5m11 0H15M3 3l1.1 1.1m7.8 7.8L13 13m0-10-1.1 1.1M4.1 11.9 3 13",
    moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z",
    auto: "M8 14.5a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13Zm0-13v13M8 4l4.5 1M8 7h6M8 10h5.5M8 12.5h3",
    exit: "M6 2.5H3v11h3M7 8h7m-3-3 3 3-3 3",
    check: "m3 8.5 3.5 3.5L13 4.5",
    edit: "m3 13 .6-2.8L11 2.8l2.2 2.2-7.4 7.4L3 13Z",
    help: "M6 6a2 2 0 1 1 2.8 1.8c-.5.3-.8.7-.8 1.4M8 11.8v.2M8 14.5a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13Z",
};

export function icon(name) {
    return svg("svg", {class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false"},
        svg("path", {d: paths[name]}));
}
