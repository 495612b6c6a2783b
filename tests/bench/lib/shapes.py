"""Do two contenders write the same rows? Counts per command and bytes per row, table by table."""

CAUSES = {  # rows: the commands each of which leads to one of them
    "log ticket.recheck": ["ticket.resolve"],
    "history created": ["ticket.create"],
    "history status_changed status": ["ticket.change_status"],
    "history updated title": ["ticket.update"],
    "history updated priority": ["ticket.update"],
    "history resolved status": ["ticket.resolve"],
    "history resolved is_resolved": ["ticket.resolve"],
    "history resolved completed_at": ["ticket.resolve"],
    "history resolved resolved_at": ["ticket.resolve"],
    "history unblocked is_blocked": ["ticket.resolve"],
    "history unblocked blocked_by_ticket_ids": ["ticket.resolve"],
    "history commented": ["ticket.comment", "ticket.resolve"],
    "comment general": ["ticket.comment"],
    "comment resolution": ["ticket.resolve"],
    "ticket created": ["ticket.create"],
    "ticket versions": [
        "ticket.create", "ticket.change_status", "ticket.update", "ticket.comment", "ticket.resolve",
        "ticket.resolve", "ticket.recheck",
    ],
}  # fmt: skip
BYTES_TOLERANCE = 0.12
COUNT_TOLERANCE = 0.01


def rows_of(stack, database, tickets):
    """Rows added to the seed: what they are -> how many, and their average bytes. Repeats, from when partitions changed
    hands, are left out."""
    found = {}
    for key, count, size in stack.sql_rows(
        f"""
        SELECT 'log ' || type, count(*), avg(pg_column_size(l.*)) FROM command_log l
            WHERE outcome <> 'repeat' GROUP BY 1
        UNION ALL SELECT 'history ' || change_type || COALESCE(' ' || field_name, ''), count(*),
            avg(pg_column_size(h.*)) FROM ticket_history h WHERE id > {tickets} GROUP BY 1
        UNION ALL SELECT 'comment ' || comment_type, count(*), avg(pg_column_size(c.*)) FROM ticket_comments c GROUP BY 1
        UNION ALL SELECT 'ticket created', count(*), avg(pg_column_size(t.*)) FROM tickets t
            WHERE id NOT LIKE 'ticket-01990000-0000-7000-%'
        UNION ALL SELECT 'ticket versions', sum(version) - {tickets}, 0 FROM tickets
        """,
        database,
    ):
        found[key] = (int(count), float(size or 0))
    return found


def per_command(rows):
    """Rows of each kind for one command that leads to them. A ticket starts once, so `started_at` is left out."""
    shape = {}
    for key, (count, size) in rows.items():
        if key.endswith("started_at"):
            continue
        if key.startswith("log ") and key not in CAUSES:
            shape[key] = (1.0, size)
            continue
        causes = sum(rows.get(f"log {cause}", (0, 0))[0] for cause in CAUSES.get(key, []))
        shape[key] = (count / causes if causes else 0.0, size)
    return shape


def differences(ours, theirs):
    """Empty when the two write the same."""
    a, b = per_command(ours), per_command(theirs)
    found = []
    for key in sorted(a.keys() | b.keys()):
        (rows_a, size_a), (rows_b, size_b) = a.get(key, (0.0, 0.0)), b.get(key, (0.0, 0.0))
        if abs(rows_a - rows_b) > COUNT_TOLERANCE * max(rows_a, rows_b):
            found.append(f"{key}: {rows_a:.3f} rows per command, theirs {rows_b:.3f}")
        elif abs(size_a - size_b) > BYTES_TOLERANCE * max(size_a, size_b):
            found.append(f"{key}: {size_a:.0f} bytes per row, theirs {size_b:.0f}")
    return found
