// Talks to the gateway. Every refusal becomes a Problem with the sentence to show.

export class Problem extends Error {
    constructor(status, body) {
        super(body?.detail || body?.title || `The server answered ${status}.`);
        this.status = status;
        this.code = body?.code ?? "unknown";
        this.field = body?.field ?? null;
    }
}

let agent = null;
let onSignedOut = () => {};

export function actAs(name) {
    agent = name || null;
}

export function whenSignedOut(fn) {
    onSignedOut = fn;
}

export function headers(more = {}) {
    const all = {Accept: "application/json", ...more};
    // A header holds Latin-1 only; a name beyond that would make fetch throw.
    if (agent && /^[\x20-\x7e]+$/.test(agent)) all["X-Agent-ID"] = agent;
    return all;
}

async function call(method, path, {body, query, signal, extra} = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
        for (const one of Array.isArray(value) ? value : [value]) {
            if (one !== null && one !== undefined && one !== "") search.append(name, String(one));
        }
    }
    const url = search.size ? `${path}?${search}` : path;
    let answer;
    try {
        answer = await fetch(url, {
            method, signal, credentials: "same-origin", cache: "no-store",
            headers: headers({...(body === undefined ? {} : {"Content-Type": "application/json"}), ...extra}),
            body: body === undefined ? undefined : JSON.stringify(body),
        });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Problem(0, {detail: "The gateway cannot be reached.", code: "unreachable"});
    }
    const text = await answer.text();
    let json = null;
    try {
        json = text ? JSON.parse(text) : null;
    } catch {
        throw new Problem(answer.status, {detail: "The answer is not JSON."});
    }
    if (!answer.ok) {
        if (answer.status === 401) onSignedOut();
        throw new Problem(answer.status, json);
    }
    return {status: answer.status, json};
}

const get = async (path, query, signal) => (await call("GET", path, {query, signal})).json;

// A command's answer; one that takes longer than the gateway waits (202) is asked for until it is known.
async function command(path, body) {
    const key = crypto.randomUUID();
    const {status, json} = await call("POST", path, {body, extra: {"Idempotency-Key": key}});
    if (status !== 202) return json;
    const deadline = Date.now() + 60000;
    while (Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        let outcome = null;
        try {
            outcome = await get(`/commands/${encodeURIComponent(json.command_id)}`);
        } catch (error) {
            if (error.status !== 404) throw error;
            continue;
        }
        if (outcome.outcome === "rejected") throw new Problem(409, {code: outcome.code, detail: outcome.message});
        return {...json, ...outcome, ticket_id: outcome.subject};
    }
    throw new Problem(202, {code: "pending", detail: "It was sent, but its outcome is not known yet."});
}

const id = encodeURIComponent;
const LIST_FIELDS = ["workflow_id", "external_id", "title", "status", "ticket_type", "priority", "assigned_agent_id", "tags",
    "blocked_by_ticket_ids", "is_blocked", "is_resolved", "created_at", "updated_at"];

export const api = {
    signIn: (token) => call("POST", "/session", {extra: {Authorization: `Bearer ${token}`}}),
    signOut: () => call("DELETE", "/session"),
    workflows: () => get("/workflows"),
    board: (workflow) => get(`/tickets/board-config/${id(workflow)}`),
    page: (workflow, cursor, limit) => get("/tickets/get",
        {workflow_id: workflow, cursor, limit, total: false, fields: LIST_FIELDS}),
    ticket: (ticket) => get(`/tickets/${id(ticket)}`),
    history: (ticket, cursor) => get(`/tickets/${id(ticket)}/history`, {limit: 200, cursor}),
    similar: (ticket) => get(`/tickets/${id(ticket)}/similar`, {limit: 5}),
    diff: (sha) => get(`/tickets/commit-diff/${id(sha)}`),
    agents: (workflow) => get("/agents", {workflow_id: workflow}),
    status: () => get("/status"),
    search: (body, signal) => call("POST", "/tickets/search", {body, signal}).then((a) => a.json),
    create: (body) => command("/tickets/create", body),
    move: (ticket, status, comment) => command("/tickets/change-status",
        {ticket_id: ticket, new_status: status, ...(comment ? {comment} : {})}),
    update: (ticket, updates) => command("/tickets/update", {ticket_id: ticket, updates}),
    comment: (ticket, text) => command("/tickets/comment", {ticket_id: ticket, comment_text: text}),
    assign: (ticket, assignee) => command("/tickets/assign", {ticket_id: ticket, assigned_agent_id: assignee}),
    unassign: (ticket) => command("/tickets/unassign", {ticket_id: ticket}),
    resolve: (ticket, text) => command("/tickets/resolve", {ticket_id: ticket, resolution_comment: text}),
    reopen: (ticket) => command("/tickets/reopen", {ticket_id: ticket}),
    block: (ticket, blocker) => command("/tickets/block", {ticket_id: ticket, blocked_by_ticket_ids: [blocker]}),
    unblock: (ticket, blocker) => command("/tickets/unblock", {ticket_id: ticket, blocked_by_ticket_ids: [blocker]}),
};
