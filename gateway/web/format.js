// How things are written. Pure.

const named = new Set(["gray", "grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"]);

// A colour of the configuration: one of our names fits both themes, anything else must be a colour to the browser.
export function colour(value) {
    const text = String(value ?? "").trim().toLowerCase();
    if (named.has(text)) return `var(--c-${text === "grey" ? "gray" : text})`;
    return text && !text.includes("url") && CSS.supports("color", text) ? text : "var(--c-gray)";
}

export const shortId = (id) => String(id).slice(-6);
export const ticketLabel = (t) => t.external_id || shortId(t.ticket_id);

export function initials(name) {
    const words = String(name).replace(/^agent[-_ ]/i, "").split(/[^\p{L}\p{N}]+/u).filter(Boolean);
    const letters = words.length > 1 ? words[0][0] + words[1][0] : (words[0] ?? "?").slice(0, 2);
    return letters.toUpperCase();
}

// The same hue for the same name, everywhere.
export function hue(name) {
    let sum = 7;
    for (const c of String(name)) sum = (sum * 31 + c.codePointAt(0)) % 360;
    return sum;
}

const steps = [[60, "second"], [3600, "minute"], [86400, "hour"], [86400 * 30, "day"], [86400 * 365, "month"], [Infinity, "year"]];
const sizes = {second: 1, minute: 60, hour: 3600, day: 86400, month: 86400 * 30, year: 86400 * 365};
const relative = new Intl.RelativeTimeFormat(undefined, {numeric: "auto", style: "narrow"});

export function ago(time, now = Date.now()) {
    if (!time) return "";
    const seconds = Math.round((Date.parse(time) - now) / 1000);
    if (Math.abs(seconds) < 5) return "now";
    const unit = steps.find(([limit]) => Math.abs(seconds) < limit)[1];
    return relative.format(Math.trunc(seconds / sizes[unit]), unit);
}

// Formatters take milliseconds to make: when first needed, and once.
let exact = null;
export function when(time) {
    exact ??= new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});
    return time ? exact.format(new Date(time)) : "";
}

let numbers = null;
export function count(n) {
    if (n < 1000) return String(n);
    numbers ??= new Intl.NumberFormat();
    return numbers.format(n);
}

export const words = (name) => String(name ?? "").replaceAll("_", " ");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// Pieces of text as [text, isHit], hits being words that begin like one of the query's; short words count whole, and the
// shortest only where there is nothing longer to mark.
export function highlight(text, query) {
    const all = String(query).toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? [];
    const long = all.filter((t) => t.length > 3);
    const terms = long.length ? long : all;
    if (terms.length === 0) return [[text, false]];
    const stems = [...new Set(terms.map((t) => (t.length > 5 ? `${t.slice(0, -2)}[\\p{L}\\p{N}_]*` : t.length > 3 ? `${t}[\\p{L}\\p{N}_]*` : t)))].slice(0, 40);
    const found = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${stems.join("|")})(?![\\p{L}\\p{N}_])`, "giu");
    const pieces = [];
    let at = 0;
    for (const match of text.matchAll(found)) {
        if (match.index > at) pieces.push([text.slice(at, match.index), false]);
        pieces.push([match[0], true]);
        at = match.index + match[0].length;
    }
    if (at < text.length) pieces.push([text.slice(at), false]);
    return pieces;
}
