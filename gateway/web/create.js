// The form for a new ticket.
import {h, uniqueId} from "./dom.js";
import {api} from "./api.js";
import {words} from "./format.js";
import {announce, hostNotices} from "./notices.js";

export function createDialog(store, opened) {
    const {board} = store;
    const heading = uniqueId("create");
    const field = (name, text, input) => h("label", {data: {field: name}}, h("span", {}, text), input);
    const select = (values, chosen) => h("select", {}, values.map(([v, t]) => h("option", {value: v, selected: v === chosen}, t)));
    const title = h("input", {required: true, maxlength: "500", autocomplete: "off"});
    const description = h("textarea", {rows: "6"});
    const type = select(board.ticket_types.map((t) => [t, words(t)]), board.default_ticket_type);
    const priority = select(store.priorities().map((p) => [p, words(p)]), board.settings?.default_priority);
    const column = select(board.columns.map((c) => [c.id, c.name]), board.initial_status);
    const assignee = h("input", {autocomplete: "off"});
    const tags = h("input", {autocomplete: "off"});
    const problem = h("p", {class: "problem", role: "alert"});
    const submit = h("button", {type: "submit", class: "primary"}, "Create");
    const form = h("form", {on: {submit: async (e) => {
        e.preventDefault();
        submit.disabled = true;
        problem.textContent = "";
        try {
            const list = tags.value.split(",").map((t) => t.trim()).filter(Boolean);
            const made = await api.create({
                workflow_id: store.workflow, title: title.value.trim(), description: description.value, ticket_type: type.value,
                initial_status: column.value, ...(priority.value ? {priority: priority.value} : {}),
                ...(assignee.value.trim() ? {assigned_agent_id: assignee.value.trim()} : {}), ...(list.length ? {tags: list} : {}),
            });
            store.answered(made);
            dialog.close();
            announce(`Created: ${title.value}`);
            opened?.(made.ticket_id);
        } catch (error) {
            problem.textContent = error.field ? `${words(error.field)}: ${error.message}` : error.message;
        } finally {
            submit.disabled = false;
        }
    }}},
    h("h2", {id: heading}, "New ticket"), field("title", "Title", title), field("description", "Description", description),
    h("div", {class: "pair"}, field("ticket_type", "Type", type), board.settings?.priorities ? field("priority", "Priority", priority) : null),
    h("div", {class: "pair"}, field("initial_status", "Column", column), field("assigned_agent_id", "Assignee", assignee)),
    field("tags", "Tags, comma separated", tags), problem,
    h("div", {class: "buttons"}, h("button", {type: "button", on: {click: () => dialog.close()}}, "Cancel"), submit));
    const dialog = h("dialog", {class: "small", "aria-labelledby": heading}, form);
    dialog.addEventListener("close", () => {
        hostNotices(document.body);
        dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    title.focus();
}
