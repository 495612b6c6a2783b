// The live stream: server-sent events read with fetch, since EventSource tells neither the status of a refusal nor that
// the line has gone silent. Resumes after the last id; when that is impossible the owner is told to load anew.
import {headers} from "./api.js";

const SILENCE_MS = 45000;
const HIDDEN_MS = 60000;
const WAIT_MIN_MS = 250;
const WAIT_MAX_MS = 10000;

// Splits a stream of text into messages {id, event, data}. A line may end in CR LF, LF or CR.
export class Parser {
    constructor(message) {
        this.message = message;
        this.rest = "";
        this.clear();
    }

    clear() {
        this.event = "";
        this.data = [];
        this.id = null;
    }

    push(text) {
        this.rest += text;
        const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
        this.rest = lines.pop();
        for (const line of lines) this.line(line);
    }

    line(line) {
        if (line === "") {
            if (this.data.length || this.id !== null) {
                this.message({id: this.id, event: this.event, data: this.data.length ? this.data.join("\n") : null});
            }
            this.clear();
            return;
        }
        const colon = line.indexOf(":");
        if (colon === 0) return;
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "data") this.data.push(value);
        else if (name === "event") this.event = value;
        else if (name === "id") this.id = value;
    }
}

export class Stream {
    // on: {event(json), state("connecting" | "live" | "offline"), opened(resumed), signedOut()}
    constructor(workflow, on) {
        this.workflow = workflow;
        this.on = on;
        this.lastId = null;
        this.wait = WAIT_MIN_MS;
        this.stopped = false;
        this.onVisible = () => this.visibility();
        document.addEventListener("visibilitychange", this.onVisible);
        this.onOnline = () => this.soon(0);
        addEventListener("online", this.onOnline);
        this.run();
    }

    stop() {
        this.stopped = true;
        clearTimeout(this.timer);
        clearTimeout(this.hidden);
        this.abort?.abort();
        document.removeEventListener("visibilitychange", this.onVisible);
        removeEventListener("online", this.onOnline);
    }

    // A page nobody looks at gives its connection back: a browser has six for one server.
    visibility() {
        clearTimeout(this.hidden);
        if (document.hidden) {
            this.hidden = setTimeout(() => {
                this.paused = true;
                this.abort?.abort();
            }, HIDDEN_MS);
        } else if (this.paused) {
            this.paused = false;
            this.soon(0);
        }
    }

    soon(ms) {
        if (this.stopped || this.paused || this.running) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.run(), ms);
    }

    alive() {
        clearTimeout(this.silence);
        this.silence = setTimeout(() => this.abort?.abort(), SILENCE_MS);
    }

    async run() {
        if (this.stopped || this.paused || this.running) return;
        this.running = true;
        this.on.state("connecting");
        try {
            await this.read();
        } catch {
            // Whatever ended it, it is tried again.
        }
        clearTimeout(this.silence);
        this.running = false;
        if (this.stopped) return;
        this.on.state("offline");
        this.soon(this.wait * (0.75 + Math.random() / 2));
        this.wait = Math.min(this.wait * 2, WAIT_MAX_MS);
    }

    async read() {
        this.abort = new AbortController();
        this.alive();
        const resumed = this.lastId !== null;
        const answer = await fetch(`/events?workflow_id=${encodeURIComponent(this.workflow)}`, {
            signal: this.abort.signal, credentials: "same-origin", cache: "no-store",
            headers: headers({Accept: "text/event-stream", ...(resumed ? {"Last-Event-ID": this.lastId} : {})}),
        });
        if (!answer.ok) {
            if (answer.status === 401) this.on.signedOut();
            // 410: the log no longer reaches back; 400, 422: an id of another installation. Both start anew.
            if ([400, 410, 422].includes(answer.status)) this.lastId = null;
            await answer.body?.cancel();
            return;
        }
        this.on.state("live");
        this.on.opened(resumed);
        this.wait = WAIT_MIN_MS;
        const parser = new Parser((message) => this.message(message));
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
            const {value, done} = await reader.read();
            if (done) return;
            this.alive();
            parser.push(value);
        }
    }

    message({id, data}) {
        if (data !== null) {
            let json = null;
            try {
                json = JSON.parse(data);
            } catch {
                return;
            }
            this.on.event(json);
        }
        if (id) this.lastId = id;
    }
}
