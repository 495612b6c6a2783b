// Who is at work, on what, since when; and what happens meanwhile.
import {debounce, fill, h} from "./dom.js";
import {api} from "./api.js";
import {avatar} from "./card.js";
import {ago, plural, when, words} from "./format.js";
import {ticketLink} from "./link.js";

const QUIET_MS = 15 * 60000;

export class AgentsView {
    constructor(store) {
        this.store = store;
        this.summary = h("p", {class: "summary"});
        this.grid = h("ul", {class: "agents"});
        this.feed = h("ol", {class: "feed"});
        this.element = h("div", {class: "page agents-page"}, h("header", {}, h("h1", {}, "Agents")), this.summary,
            h("div", {class: "split"}, this.grid, h("section", {class: "activity"}, h("h2", {}, "Activity"), this.feed)));
        this.load = debounce(500, () => this.fetch());
        this.stop = store.onEvent(() => {
            this.load();
            this.showFeed();
        });
        this.timer = setInterval(() => document.hidden || this.render(), 30000);
        this.fetch();
        this.showFeed();
    }

    close() {
        this.stop();
        this.load.cancel();
        clearInterval(this.timer);
    }

    async fetch() {
        try {
            this.agents = (await api.agents(this.store.workflow)).agents;
            this.render();
        } catch (error) {
            fill(this.summary, error.message);
        }
    }

    render() {
        if (!this.agents) return;
        const agents = [...this.agents].sort((a, b) => (a.last_change_at < b.last_change_at ? 1 : -1));
        fill(this.summary, `${plural(agents.length, "agent")} with ${plural(agents.reduce((n, a) => n + a.tickets.length, 0), "open ticket")}.`);
        fill(this.grid, agents.map((a) => h("li", {class: Date.now() - Date.parse(a.last_change_at) > QUIET_MS ? "is-quiet" : ""},
            h("header", {}, avatar(a.agent_id), h("h2", {}, a.agent_id), h("time", {datetime: a.last_change_at, title: when(a.last_change_at)}, ago(a.last_change_at))),
            h("ul", {class: "links"}, a.tickets.slice(0, 8).map((t) => h("li", {}, ticketLink(t, this.store), t.is_blocked ? h("span", {class: "blocked"}, " blocked") : null))),
            a.tickets.length > 8 ? h("p", {class: "quiet-text"}, `and ${a.tickets.length - 8} more`) : null)));
    }

    showFeed() {
        const events = this.store.activity.slice(0, 60);
        fill(this.feed, events.length ? events.map((e) => {
            const title = this.store.tickets.get(e.subject)?.title ?? e.data?.after?.title ?? e.subject;
            return h("li", {}, h("strong", {}, e.data?.agent_id ?? e.actor ?? "somebody"), " ",
                e.data?.description ?? words(e.type.replace(/^ticket\./, "")), ": ",
                h("a", {href: `#ticket=${encodeURIComponent(e.subject)}`}, title), " ",
                h("time", {datetime: e.time, title: when(e.time)}, ago(e.time)));
        }) : h("li", {class: "quiet-text"}, "Changes appear here as they happen."));
    }
}
