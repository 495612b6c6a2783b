"""Made by generate.py from docs/openapi.json; not to be edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "ActorType",
    "AgentList",
    "AgentListAgent",
    "AgentListAgentTicket",
    "Blocker",
    "Board",
    "BoardColumn",
    "BoardResult",
    "BulkResult",
    "BulkResultResult",
    "CommandOutcome",
    "CommandResult",
    "Comment",
    "Commit",
    "CommitDiff",
    "CommitDiffFile",
    "CommitDiffFileHunk",
    "CommitDiffFileHunkLine",
    "Event",
    "Health",
    "HistoryEntry",
    "HistoryPage",
    "Link",
    "LinkTicketsDependency",
    "ListWebhookDeliveriesAnswer",
    "ListWebhooksAnswer",
    "ProblemDetails",
    "PutBoardColumn",
    "PutBoardSettings",
    "RedriveWebhookAnswer",
    "SearchResult",
    "SearchResultDegraded",
    "SearchResultResult",
    "SearchTicketsFilters",
    "SimilarTicket",
    "Status",
    "StatusIndex",
    "StatusPipeline",
    "TestWebhookAnswer",
    "Ticket",
    "TicketDetail",
    "TicketList",
    "TicketReference",
    "UnlinkTicketsDependency",
    "UpdateTicketUpdates",
    "Webhook",
    "WebhookDelivery",
    "WebhookDeliveryHistory",
    "WorkflowList",
    "WorkflowListWorkflow",
]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


ActorType = Literal["human", "design_agent", "worker_agent", "review_agent", "orchestrator", "system"]


@dataclass(frozen=True)
class Event:
    id: str
    type: str
    sequence: int

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Event:
        return cls(
            id=value["id"],
            type=value["type"],
            sequence=value["sequence"],
        )


@dataclass(frozen=True)
class Ticket:
    """A ticket; lists show the columns asked for."""

    ticket_id: str
    version: int  # Number of events so far; the ETag.
    workflow_id: str | None = None  # Workflow whose board it is on.
    external_id: str | None = None  # Its id in another system.
    created_by_agent_id: str | None = None  # Who created it.
    assigned_agent_id: str | None = None  # Who works on it.
    title: str | None = None  # One line that names the work.
    description: str | None = None  # The work in full.
    ticket_type: str | None = None  # One of the board's types.
    priority: str | None = None  # One of the board's priorities.
    status: str | None = None  # Column of the board.
    parent_ticket_id: str | None = None  # Parent ticket.
    related_task_ids: list[str] | None = None  # Orchestrator's tasks.
    related_ticket_ids: list[str] | None = None  # Related tickets.
    tags: list[str] | None = None  # Free labels.
    blocked_by_ticket_ids: list[str] | None = None  # Blockers that are still open.
    is_blocked: bool | None = None  # It waits for other tickets.
    is_resolved: bool | None = None  # It is resolved.
    is_deleted: bool | None = None  # It is deleted.
    created_at: datetime | None = None  # When it was created.
    updated_at: datetime | None = None  # When it was last changed.
    started_at: datetime | None = None  # First entry into an active column.
    completed_at: datetime | None = None  # Entry into a done column.
    resolved_at: datetime | None = None  # When it was resolved.
    deleted_at: datetime | None = None  # When it was deleted.

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Ticket:
        return cls(
            ticket_id=value["ticket_id"],
            version=value["version"],
            workflow_id=value.get("workflow_id"),
            external_id=value.get("external_id"),
            created_by_agent_id=value.get("created_by_agent_id"),
            assigned_agent_id=value.get("assigned_agent_id"),
            title=value.get("title"),
            description=value.get("description"),
            ticket_type=value.get("ticket_type"),
            priority=value.get("priority"),
            status=value.get("status"),
            parent_ticket_id=value.get("parent_ticket_id"),
            related_task_ids=value.get("related_task_ids"),
            related_ticket_ids=value.get("related_ticket_ids"),
            tags=value.get("tags"),
            blocked_by_ticket_ids=value.get("blocked_by_ticket_ids"),
            is_blocked=value.get("is_blocked"),
            is_resolved=value.get("is_resolved"),
            is_deleted=value.get("is_deleted"),
            created_at=_time(value["created_at"]) if value.get("created_at") is not None else None,
            updated_at=_time(value["updated_at"]) if value.get("updated_at") is not None else None,
            started_at=_time(value["started_at"]) if value.get("started_at") is not None else None,
            completed_at=_time(value["completed_at"]) if value.get("completed_at") is not None else None,
            resolved_at=_time(value["resolved_at"]) if value.get("resolved_at") is not None else None,
            deleted_at=_time(value["deleted_at"]) if value.get("deleted_at") is not None else None,
        )


@dataclass(frozen=True)
class CommandResult:
    command_id: str
    outcome: Literal["applied", "unchanged"]
    ticket_id: str
    version: int | None
    events: list[Event]
    ticket: Ticket | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommandResult:
        return cls(
            command_id=value["command_id"],
            outcome=value["outcome"],
            ticket_id=value["ticket_id"],
            version=value["version"],
            events=[Event.read(item) for item in value["events"]],
            ticket=Ticket.read(value["ticket"]) if value.get("ticket") is not None else None,
        )


class UpdateTicketUpdates(TypedDict):
    title: NotRequired[str]
    description: NotRequired[str]
    ticket_type: NotRequired[str]
    priority: NotRequired[str]
    assigned_agent_id: NotRequired[str | None]
    parent_ticket_id: NotRequired[str | None]
    tags: NotRequired[Sequence[str]]
    related_task_ids: NotRequired[Sequence[str]]
    related_ticket_ids: NotRequired[Sequence[str]]
    blocked_by_ticket_ids: NotRequired[Sequence[str]]


class LinkTicketsDependency(TypedDict):
    depends_on: str
    dependency_type: str


class UnlinkTicketsDependency(TypedDict):
    depends_on: str
    dependency_type: str


class PutBoardColumn(TypedDict):
    id: str
    name: NotRequired[str | None]
    order: NotRequired[int | None]
    color: NotRequired[str | None]
    category: NotRequired[Literal["open", "active", "done"] | None]
    wip_limit: NotRequired[int | None]


class PutBoardSettings(TypedDict):
    transitions: NotRequired[Mapping[str, Any] | None]
    priorities: NotRequired[Sequence[str] | None]
    default_priority: NotRequired[str | None]
    admins: NotRequired[Sequence[str] | None]
    admin_on_blocked: NotRequired[Sequence[str] | None]
    require_comment_on_status_change: NotRequired[bool | None]
    allow_reopen: NotRequired[bool | None]
    search_formula: NotRequired[Literal["score", "rank"] | None]
    search_weight_semantic: NotRequired[int | None]
    similar_percent: NotRequired[int | None]


@dataclass(frozen=True)
class BoardResult:
    command_id: str
    outcome: Literal["applied", "unchanged"]
    workflow_id: str
    version: int | None
    events: list[Event]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> BoardResult:
        return cls(
            command_id=value["command_id"],
            outcome=value["outcome"],
            workflow_id=value["workflow_id"],
            version=value["version"],
            events=[Event.read(item) for item in value["events"]],
        )


@dataclass(frozen=True)
class BoardColumn:
    id: str
    name: str | None = None
    order: int | None = None
    color: str | None = None
    category: Literal["open", "active", "done"] | None = None
    wip_limit: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> BoardColumn:
        return cls(
            id=value["id"],
            name=value.get("name"),
            order=value.get("order"),
            color=value.get("color"),
            category=value.get("category"),
            wip_limit=value.get("wip_limit"),
        )


@dataclass(frozen=True)
class Board:
    workflow_id: str
    name: str
    columns: list[BoardColumn]
    ticket_types: list[str]
    default_ticket_type: str | None
    initial_status: str
    settings: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    counts: dict[str, int]
    board_id: str | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Board:
        return cls(
            workflow_id=value["workflow_id"],
            name=value["name"],
            columns=[BoardColumn.read(item) for item in value["columns"]],
            ticket_types=value["ticket_types"],
            default_ticket_type=value["default_ticket_type"],
            initial_status=value["initial_status"],
            settings=value["settings"],
            version=value["version"],
            created_at=_time(value["created_at"]),
            updated_at=_time(value["updated_at"]),
            counts=value["counts"],
            board_id=value.get("board_id"),
        )


@dataclass(frozen=True)
class TicketList:
    tickets: list[Ticket]
    has_more: bool
    next_cursor: str | None
    total: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> TicketList:
        return cls(
            tickets=[Ticket.read(item) for item in value["tickets"]],
            has_more=value["has_more"],
            next_cursor=value["next_cursor"],
            total=value.get("total"),
        )


@dataclass(frozen=True)
class WorkflowListWorkflow:
    workflow_id: str
    name: str
    version: int
    updated_at: datetime
    columns: str | None = None  # Ids of the columns, with counts=true.
    tickets: int | None = None  # With counts=true.
    resolved: int | None = None  # With counts=true.
    blocked: int | None = None  # With counts=true.

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> WorkflowListWorkflow:
        return cls(
            workflow_id=value["workflow_id"],
            name=value["name"],
            version=value["version"],
            updated_at=_time(value["updated_at"]),
            columns=value.get("columns"),
            tickets=value.get("tickets"),
            resolved=value.get("resolved"),
            blocked=value.get("blocked"),
        )


@dataclass(frozen=True)
class WorkflowList:
    workflows: list[WorkflowListWorkflow]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> WorkflowList:
        return cls(
            workflows=[WorkflowListWorkflow.read(item) for item in value["workflows"]],
        )


class SearchTicketsFilters(TypedDict):
    status: NotRequired[str]
    ticket_type: NotRequired[str]
    priority: NotRequired[str]
    assigned_agent_id: NotRequired[str]
    tag: NotRequired[str]


@dataclass(frozen=True)
class SearchResultResult:
    ticket_id: str
    external_id: str | None
    workflow_id: str
    title: str
    status: str
    ticket_type: str
    priority: str
    assigned_agent_id: str | None
    passage: str | None
    passage_comment_id: str | None
    is_blocked: bool
    is_resolved: bool
    updated_at: datetime
    score: float
    similarity: float
    ranks: dict[str, int] | None = None  # Place in each leg, with explain=true.
    parts: dict[str, float] | None = None  # What each leg gave to the score, with explain=true.
    # Where the query's words stand in the passage, in bytes, with explain=true.
    highlights: list[list[int]] | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> SearchResultResult:
        return cls(
            ticket_id=value["ticket_id"],
            external_id=value["external_id"],
            workflow_id=value["workflow_id"],
            title=value["title"],
            status=value["status"],
            ticket_type=value["ticket_type"],
            priority=value["priority"],
            assigned_agent_id=value["assigned_agent_id"],
            passage=value["passage"],
            passage_comment_id=value["passage_comment_id"],
            is_blocked=value["is_blocked"],
            is_resolved=value["is_resolved"],
            updated_at=_time(value["updated_at"]),
            score=value["score"],
            similarity=value["similarity"],
            ranks=value.get("ranks"),
            parts=value.get("parts"),
            highlights=value.get("highlights"),
        )


@dataclass(frozen=True)
class SearchResultDegraded:
    leg: str
    why: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> SearchResultDegraded:
        return cls(
            leg=value["leg"],
            why=value["why"],
        )


@dataclass(frozen=True)
class SearchResult:
    results: list[SearchResultResult]
    more: bool
    degraded: list[SearchResultDegraded]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> SearchResult:
        return cls(
            results=[SearchResultResult.read(item) for item in value["results"]],
            more=value["more"],
            degraded=[SearchResultDegraded.read(item) for item in value["degraded"]],
        )


@dataclass(frozen=True)
class CommitDiffFileHunkLine:
    kind: Literal["context", "added", "removed"]
    text: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommitDiffFileHunkLine:
        return cls(
            kind=value["kind"],
            text=value["text"],
        )


@dataclass(frozen=True)
class CommitDiffFileHunk:
    header: str
    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: list[CommitDiffFileHunkLine]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommitDiffFileHunk:
        return cls(
            header=value["header"],
            old_start=value["old_start"],
            old_lines=value["old_lines"],
            new_start=value["new_start"],
            new_lines=value["new_lines"],
            lines=[CommitDiffFileHunkLine.read(item) for item in value["lines"]],
        )


@dataclass(frozen=True)
class CommitDiffFile:
    path: str
    old_path: str | None
    status: Literal["added", "modified", "deleted", "renamed", "copied", "type_changed"]
    insertions: int
    deletions: int
    binary: bool
    hunks: list[CommitDiffFileHunk]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommitDiffFile:
        return cls(
            path=value["path"],
            old_path=value["old_path"],
            status=value["status"],
            insertions=value["insertions"],
            deletions=value["deletions"],
            binary=value["binary"],
            hunks=[CommitDiffFileHunk.read(item) for item in value["hunks"]],
        )


@dataclass(frozen=True)
class CommitDiff:
    sha: str
    repository: str
    author: str
    message: str
    timestamp: datetime
    files: list[CommitDiffFile]
    files_changed: int
    insertions: int
    deletions: int
    truncated: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommitDiff:
        return cls(
            sha=value["sha"],
            repository=value["repository"],
            author=value["author"],
            message=value["message"],
            timestamp=_time(value["timestamp"]),
            files=[CommitDiffFile.read(item) for item in value["files"]],
            files_changed=value["files_changed"],
            insertions=value["insertions"],
            deletions=value["deletions"],
            truncated=value["truncated"],
        )


@dataclass(frozen=True)
class Comment:
    comment_id: str
    agent_id: str
    comment_type: str
    comment_text: str
    mentions: list[str]
    attachments: list[str]
    created_at: datetime
    updated_at: datetime | None
    is_edited: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Comment:
        return cls(
            comment_id=value["comment_id"],
            agent_id=value["agent_id"],
            comment_type=value["comment_type"],
            comment_text=value["comment_text"],
            mentions=value["mentions"],
            attachments=value["attachments"],
            created_at=_time(value["created_at"]),
            updated_at=_time(value["updated_at"]) if value.get("updated_at") is not None else None,
            is_edited=value["is_edited"],
        )


@dataclass(frozen=True)
class Commit:
    commit_sha: str
    agent_id: str
    commit_message: str | None
    commit_timestamp: datetime | None
    files_changed: int | None
    insertions: int | None
    deletions: int | None
    files_list: list[str]
    linked_at: datetime
    link_method: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Commit:
        return cls(
            commit_sha=value["commit_sha"],
            agent_id=value["agent_id"],
            commit_message=value["commit_message"],
            commit_timestamp=_time(value["commit_timestamp"]) if value.get("commit_timestamp") is not None else None,
            files_changed=value["files_changed"],
            insertions=value["insertions"],
            deletions=value["deletions"],
            files_list=value["files_list"],
            linked_at=_time(value["linked_at"]),
            link_method=value["link_method"],
        )


@dataclass(frozen=True)
class HistoryEntry:
    id: str
    version: int
    change_type: str
    field_name: str | None
    old_value: str | None
    new_value: str | None
    change_description: str | None
    metadata: Any
    changed_at: datetime
    agent_id: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> HistoryEntry:
        return cls(
            id=value["id"],
            version=value["version"],
            change_type=value["change_type"],
            field_name=value["field_name"],
            old_value=value["old_value"],
            new_value=value["new_value"],
            change_description=value["change_description"],
            metadata=value["metadata"],
            changed_at=_time(value["changed_at"]),
            agent_id=value["agent_id"],
        )


@dataclass(frozen=True)
class Blocker:
    ticket_id: str
    title: str | None
    status: str | None
    is_resolved: bool
    is_deleted: bool
    blocks: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Blocker:
        return cls(
            ticket_id=value["ticket_id"],
            title=value["title"],
            status=value["status"],
            is_resolved=value["is_resolved"],
            is_deleted=value["is_deleted"],
            blocks=value["blocks"],
        )


@dataclass(frozen=True)
class TicketReference:
    ticket_id: str
    title: str
    status: str
    is_resolved: bool
    is_deleted: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> TicketReference:
        return cls(
            ticket_id=value["ticket_id"],
            title=value["title"],
            status=value["status"],
            is_resolved=value["is_resolved"],
            is_deleted=value["is_deleted"],
        )


@dataclass(frozen=True)
class Link:
    ticket_id: str
    dependency_type: str
    title: str | None
    status: str | None
    direction: Literal["in", "out"]
    is_resolved: bool | None = None
    is_deleted: bool | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Link:
        return cls(
            ticket_id=value["ticket_id"],
            dependency_type=value["dependency_type"],
            title=value["title"],
            status=value["status"],
            direction=value["direction"],
            is_resolved=value.get("is_resolved"),
            is_deleted=value.get("is_deleted"),
        )


@dataclass(frozen=True)
class SimilarTicket:
    ticket_id: str
    score: int  # How near in meaning, in thousandths.
    title: str | None
    status: str | None
    is_resolved: bool | None
    is_deleted: bool | None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> SimilarTicket:
        return cls(
            ticket_id=value["ticket_id"],
            score=value["score"],
            title=value["title"],
            status=value["status"],
            is_resolved=value["is_resolved"],
            is_deleted=value["is_deleted"],
        )


@dataclass(frozen=True)
class TicketDetail:
    ticket: Ticket
    comments: list[Comment]
    commits: list[Commit]
    history: list[HistoryEntry]
    blocked_by: list[Blocker]
    blocks: list[TicketReference]
    links: list[Link]
    children: list[TicketReference]
    similar: list[SimilarTicket]  # What the ticket was told of soon after it was created, the nearest first.
    parked: dict[str, Any] | None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> TicketDetail:
        return cls(
            ticket=Ticket.read(value["ticket"]),
            comments=[Comment.read(item) for item in value["comments"]],
            commits=[Commit.read(item) for item in value["commits"]],
            history=[HistoryEntry.read(item) for item in value["history"]],
            blocked_by=[Blocker.read(item) for item in value["blocked_by"]],
            blocks=[TicketReference.read(item) for item in value["blocks"]],
            links=[Link.read(item) for item in value["links"]],
            children=[TicketReference.read(item) for item in value["children"]],
            similar=[SimilarTicket.read(item) for item in value["similar"]],
            parked=value["parked"],
        )


@dataclass(frozen=True)
class HistoryPage:
    ticket_id: str
    history: list[HistoryEntry]
    next_cursor: str | None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> HistoryPage:
        return cls(
            ticket_id=value["ticket_id"],
            history=[HistoryEntry.read(item) for item in value["history"]],
            next_cursor=value["next_cursor"],
        )


@dataclass(frozen=True)
class CommandOutcome:
    command_id: str
    type: str
    subject: str
    actor: str
    outcome: str
    version: int | None
    code: str
    message: str | None
    applied_at: datetime
    workflow_id: str | None = None
    source: str | None = None
    rule: str | None = None
    parked_because: str | None = None  # What its ticket waits for.
    topic_partition: int | None = None
    record_offset: int | None = None
    events: list[dict[str, Any]] | None = None  # The events it led to, whole, with events=true.

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CommandOutcome:
        return cls(
            command_id=value["command_id"],
            type=value["type"],
            subject=value["subject"],
            actor=value["actor"],
            outcome=value["outcome"],
            version=value["version"],
            code=value["code"],
            message=value["message"],
            applied_at=_time(value["applied_at"]),
            workflow_id=value.get("workflow_id"),
            source=value.get("source"),
            rule=value.get("rule"),
            parked_because=value.get("parked_because"),
            topic_partition=value.get("topic_partition"),
            record_offset=value.get("record_offset"),
            events=value.get("events"),
        )


@dataclass(frozen=True)
class AgentListAgentTicket:
    agent_id: str
    ticket_id: str
    workflow_id: str
    title: str
    status: str
    is_blocked: bool
    started_at: datetime | None
    updated_at: datetime

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> AgentListAgentTicket:
        return cls(
            agent_id=value["agent_id"],
            ticket_id=value["ticket_id"],
            workflow_id=value["workflow_id"],
            title=value["title"],
            status=value["status"],
            is_blocked=value["is_blocked"],
            started_at=_time(value["started_at"]) if value.get("started_at") is not None else None,
            updated_at=_time(value["updated_at"]),
        )


@dataclass(frozen=True)
class AgentListAgent:
    agent_id: str
    last_change_at: datetime
    tickets: list[AgentListAgentTicket]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> AgentListAgent:
        return cls(
            agent_id=value["agent_id"],
            last_change_at=_time(value["last_change_at"]),
            tickets=[AgentListAgentTicket.read(item) for item in value["tickets"]],
        )


@dataclass(frozen=True)
class AgentList:
    agents: list[AgentListAgent]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> AgentList:
        return cls(
            agents=[AgentListAgent.read(item) for item in value["agents"]],
        )


@dataclass(frozen=True)
class StatusPipeline:
    now: datetime
    last_batch_at: datetime | None
    unpublished: int
    parked_tickets: int
    parked_commands: int

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> StatusPipeline:
        return cls(
            now=_time(value["now"]),
            last_batch_at=_time(value["last_batch_at"]) if value.get("last_batch_at") is not None else None,
            unpublished=value["unpublished"],
            parked_tickets=value["parked_tickets"],
            parked_commands=value["parked_commands"],
        )


@dataclass(frozen=True)
class StatusIndex:
    stale_tickets: int
    oldest_stale_at: datetime | None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> StatusIndex:
        return cls(
            stale_tickets=value["stale_tickets"],
            oldest_stale_at=_time(value["oldest_stale_at"]) if value.get("oldest_stale_at") is not None else None,
        )


@dataclass(frozen=True)
class Status:
    pipeline: StatusPipeline
    index: StatusIndex

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Status:
        return cls(
            pipeline=StatusPipeline.read(value["pipeline"]),
            index=StatusIndex.read(value["index"]),
        )


@dataclass(frozen=True)
class Webhook:
    id: str
    url: str
    status: Literal["active", "paused"]
    description: str | None = None
    workflow_ids: list[str] | None = None
    ticket_ids: list[str] | None = None
    event_types: list[str] | None = None
    paused_reason: str | None = None
    paused_at: str | None = None
    failing_since: str | None = None
    max_parallel: int | None = None
    max_per_second: int | None = None
    old_secret_until: str | None = None
    created_at: str | None = None
    created_by: str | None = None
    updated_at: str | None = None
    secret: str | None = None
    pending: int | None = None
    dead: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Webhook:
        return cls(
            id=value["id"],
            url=value["url"],
            status=value["status"],
            description=value.get("description"),
            workflow_ids=value.get("workflow_ids"),
            ticket_ids=value.get("ticket_ids"),
            event_types=value.get("event_types"),
            paused_reason=value.get("paused_reason"),
            paused_at=value.get("paused_at"),
            failing_since=value.get("failing_since"),
            max_parallel=value.get("max_parallel"),
            max_per_second=value.get("max_per_second"),
            old_secret_until=value.get("old_secret_until"),
            created_at=value.get("created_at"),
            created_by=value.get("created_by"),
            updated_at=value.get("updated_at"),
            secret=value.get("secret"),
            pending=value.get("pending"),
            dead=value.get("dead"),
        )


@dataclass(frozen=True)
class ListWebhooksAnswer:
    webhooks: list[Webhook]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> ListWebhooksAnswer:
        return cls(
            webhooks=[Webhook.read(item) for item in value["webhooks"]],
        )


@dataclass(frozen=True)
class TestWebhookAnswer:
    delivery_id: str
    status: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> TestWebhookAnswer:
        return cls(
            delivery_id=value["delivery_id"],
            status=value["status"],
        )


@dataclass(frozen=True)
class WebhookDeliveryHistory:
    attempt: int
    at: str
    status: int | None = None
    took_ms: int | None = None
    error: str | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> WebhookDeliveryHistory:
        return cls(
            attempt=value["attempt"],
            at=value["at"],
            status=value.get("status"),
            took_ms=value.get("took_ms"),
            error=value.get("error"),
        )


@dataclass(frozen=True)
class WebhookDelivery:
    id: str
    event_id: str
    event_type: str
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    history: list[WebhookDeliveryHistory]  # The latest attempts.
    subject: str | None = None
    created_at: str | None = None
    next_attempt_at: str | None = None
    ended_at: str | None = None
    last_status: int | None = None
    last_error: str | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> WebhookDelivery:
        return cls(
            id=value["id"],
            event_id=value["event_id"],
            event_type=value["event_type"],
            status=value["status"],
            attempts=value["attempts"],
            history=[WebhookDeliveryHistory.read(item) for item in value["history"]],
            subject=value.get("subject"),
            created_at=value.get("created_at"),
            next_attempt_at=value.get("next_attempt_at"),
            ended_at=value.get("ended_at"),
            last_status=value.get("last_status"),
            last_error=value.get("last_error"),
        )


@dataclass(frozen=True)
class ListWebhookDeliveriesAnswer:
    deliveries: list[WebhookDelivery]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> ListWebhookDeliveriesAnswer:
        return cls(
            deliveries=[WebhookDelivery.read(item) for item in value["deliveries"]],
        )


@dataclass(frozen=True)
class RedriveWebhookAnswer:
    redriven: int

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> RedriveWebhookAnswer:
        return cls(
            redriven=value["redriven"],
        )


@dataclass(frozen=True)
class ProblemDetails:
    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    command_id: str | None = None
    ticket_id: str | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> ProblemDetails:
        return cls(
            type=value["type"],
            title=value["title"],
            status=value["status"],
            code=value["code"],
            detail=value["detail"],
            field=value.get("field"),
            command_id=value.get("command_id"),
            ticket_id=value.get("ticket_id"),
        )


@dataclass(frozen=True)
class BulkResultResult:
    status: int
    result: dict[str, Any] | None = None
    problem: ProblemDetails | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> BulkResultResult:
        return cls(
            status=value["status"],
            result=value.get("result"),
            problem=ProblemDetails.read(value["problem"]) if value.get("problem") is not None else None,
        )


@dataclass(frozen=True)
class BulkResult:
    results: list[BulkResultResult]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> BulkResult:
        return cls(
            results=[BulkResultResult.read(item) for item in value["results"]],
        )


@dataclass(frozen=True)
class Health:
    status: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Health:
        return cls(
            status=value["status"],
        )
