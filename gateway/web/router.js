// The address: #/WORKFLOW/VIEW?PARAMS. Pure but for location.

export function parse(hash) {
    const direct = /^#ticket=(.+)$/.exec(hash);
    if (direct) return {workflow: null, view: "board", params: new URLSearchParams({ticket: safe(direct[1])})};
    const [path, query] = hash.replace(/^#\/?/, "").split("?");
    const [workflow, view] = path.split("/");
    return {workflow: workflow ? safe(workflow) : null, view: view || "board", params: new URLSearchParams(query ?? "")};
}

function safe(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

export function format({workflow, view, params}) {
    const query = params.toString();
    return `#/${encodeURIComponent(workflow ?? "")}/${view}${query ? `?${query}` : ""}`;
}
