"""Boards for the tests."""


def board(name="Test board", **settings):
    """todo (open) -> doing, review (active) -> done; any move; priorities high, medium, low; agent-admin administers."""
    columns = settings.pop("columns", [
        {"id": "todo", "name": "To do", "category": "open"},
        {"id": "doing", "name": "Doing", "category": "active"},
        {"id": "review", "name": "Review", "category": "active"},
        {"id": "done", "name": "Done", "category": "done"},
    ])
    top = {key: settings.pop(key) for key in ("ticket_types", "default_ticket_type", "initial_status") if key in settings}
    return {
        "name": name, "columns": columns, "ticket_types": ["task", "bug", "epic"], "default_ticket_type": "task",
        "initial_status": "todo",
        "settings": {"priorities": ["high", "medium", "low"], "admins": ["agent-admin"]} | settings,
    } | top


def limited(column, limit):
    """The columns with a WIP limit on one."""
    return [dict(c, wip_limit=limit) if c["id"] == column else c for c in board()["columns"]]
