// The light in the corner: is what I see true now? From the stream's state and the pipeline's own figures.
import {api} from "./api.js";
import {fill, h} from "./dom.js";
import {ago, count, plural} from "./format.js";

const EVERY_MS = 10000;
const STALE_S = 60;
const UNPUBLISHED = 200;

// Pure: what to show. stream: "live" | "connecting" | "offline"; status: GET /status, or null.
export function judge(stream, status, now = Date.now()) {
    if (stream !== "live") return {level: stream === "connecting" ? "wait" : "bad", text: stream === "connecting" ? "Connecting" : "Offline"};
    if (!status) return {level: "warn", text: "No status"};
    const stale = status.index.oldest_stale_at ? (now - Date.parse(status.index.oldest_stale_at)) / 1000 : 0;
    if (status.pipeline.unpublished > UNPUBLISHED) return {level: "warn", text: "Behind"};
    if (status.pipeline.parked_tickets + status.pipeline.parked_commands > 0) return {level: "warn", text: "Parked work"};
    if (stale > STALE_S) return {level: "warn", text: "Search stale"};
    return {level: "good", text: "Live"};
}

export class Light {
    constructor() {
        this.stream = "connecting";
        this.status = null;
        this.lastChange = null;
        this.label = h("span", {class: "light-text"});
        this.details = h("dl", {class: "light-details"});
        this.summary = h("summary", {}, h("span", {class: "lamp", "aria-hidden": "true"}), this.label);
        this.element = h("details", {class: "light", id: "light"}, this.summary, this.details);
        this.element.addEventListener("toggle", () => this.show());
        this.timer = setInterval(() => document.hidden || this.poll(), EVERY_MS);
        document.addEventListener("click", (e) => this.element.contains(e.target) || this.element.removeAttribute("open"));
        this.element.addEventListener("keydown", (e) => e.key === "Escape" && this.element.removeAttribute("open"));
        this.show();
    }

    async poll() {
        try {
            this.status = await api.status();
        } catch {
            this.status = null;
        }
        this.show();
    }

    setStream(state) {
        clearTimeout(this.wait);
        // A blink is not worth a word.
        if (state === "live" || this.stream !== "live") this.apply(state);
        else this.wait = setTimeout(() => this.apply(state), 1500);
    }

    apply(state) {
        this.stream = state;
        if (state === "live") this.poll();
        this.show();
    }

    show() {
        const {level, text} = judge(this.stream, this.status);
        this.element.dataset.level = level;
        if (this.label.textContent !== text) fill(this.label, text);
        if (!this.element.open) return;
        const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
        const s = this.status;
        fill(this.details,
            row("Events", {live: "arriving as they happen", connecting: "connecting", offline: "cut off; trying again"}[this.stream]),
            row("Last change seen", this.lastChange ? ago(new Date(this.lastChange).toISOString()) : "none since the page opened"),
            s ? [row("Commands applied", s.pipeline.last_batch_at ? ago(s.pipeline.last_batch_at) : "never"),
                row("Applied, not yet told", count(s.pipeline.unpublished)),
                row("Parked", `${plural(s.pipeline.parked_tickets, "ticket")}, ${plural(s.pipeline.parked_commands, "command")}`),
                row("Not yet searchable", s.index.stale_tickets ? `${plural(s.index.stale_tickets, "ticket")}, oldest ${ago(s.index.oldest_stale_at)}` : "none")]
                : row("Pipeline", "no answer"));
    }
}
