// A commit's changes, file by file.
import {fill, h} from "./dom.js";
import {api} from "./api.js";
import {plural, when} from "./format.js";

const LINES = 1500;
const kinds = {added: "add", removed: "del", context: "same"};

function hunk(part, left) {
    let old = part.old_start;
    let now = part.new_start;
    const rows = [];
    for (const line of part.lines.slice(0, left)) {
        const kind = kinds[line.kind];
        rows.push(h("tr", {class: kind},
            h("td", {class: "no"}, kind === "add" ? "" : old), h("td", {class: "no"}, kind === "del" ? "" : now),
            h("td", {class: "sign"}, kind === "add" ? "+" : kind === "del" ? "−" : " "), h("td", {class: "code"}, line.text)));
        if (kind !== "add") old++;
        if (kind !== "del") now++;
    }
    return h("tbody", {}, h("tr", {class: "hunk"}, h("td", {colspan: "4"}, part.header)), rows);
}

export function diff(commit) {
    let left = LINES;
    return h("div", {class: "diff"},
        h("p", {class: "quiet-text"}, `${commit.author ?? ""} · ${when(commit.timestamp)} · ${plural(commit.files_changed, "file")} `,
            h("span", {class: "plus"}, `+${commit.insertions}`), " ", h("span", {class: "minus"}, `−${commit.deletions}`)),
        commit.files.map((file) => {
            const tables = [];
            for (const part of file.hunks) {
                if (left <= 0) break;
                tables.push(hunk(part, left));
                left -= part.lines.length;
            }
            return h("details", {class: "file", open: true},
                h("summary", {}, h("code", {}, file.old_path ? `${file.old_path} → ${file.path}` : file.path), " ",
                    h("span", {class: "plus"}, `+${file.insertions}`), " ", h("span", {class: "minus"}, `−${file.deletions}`)),
                file.binary ? h("p", {class: "quiet-text"}, "Binary file.")
                    : h("div", {class: "lines", tabindex: "0", role: "region", "aria-label": `Changes of ${file.path}`}, h("table", {}, tables)));
        }),
        left <= 0 || commit.truncated ? h("p", {class: "quiet-text"}, "The rest is not shown here.") : null);
}

export function commitItem(commit) {
    const body = h("div", {});
    let asked = false;
    const item = h("details", {class: "commit"},
        h("summary", {}, h("code", {}, commit.commit_sha.slice(0, 10)), " ", h("span", {}, (commit.commit_message || "no message").split("\n")[0])), body);
    item.addEventListener("toggle", async () => {
        if (!item.open || asked) return;
        asked = true;
        fill(body, h("p", {class: "quiet-text"}, "Loading…"));
        try {
            fill(body, diff(await api.diff(commit.commit_sha)));
        } catch (error) {
            asked = false;
            fill(body, h("p", {class: "quiet-text"}, error.message));
        }
    });
    return item;
}
