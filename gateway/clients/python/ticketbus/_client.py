"""Made by generate.py from docs/openapi.json; not to be edited."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, cast
from urllib.parse import quote

from ._models import (
    ActorType, AgentList, Board, BoardResult, BulkResult, CommandOutcome, CommandResult, CommitDiff, Health,
    HistoryPage, LinkTicketsDependency, ListWebhookDeliveriesAnswer, ListWebhooksAnswer, PutBoardColumn,
    PutBoardSettings, RedriveWebhookAnswer, SearchResult, SearchTicketsFilters, Status, TestWebhookAnswer,
    TicketDetail, TicketList, UnlinkTicketsDependency, UpdateTicketUpdates, Webhook, WorkflowList,
)
from ._transport import UNSET, StreamEvent, Transport, Unset, given, new_key, plain

__all__ = ["Client"]


class Client:
    """A gateway. Every method is an operation of its OpenAPI document; commands return once they have taken effect.

    url, token: TICKETBUS_URL and TICKETBUS_TOKEN of the environment when left out.
    agent: Who acts, where the token is for no agent of its own.
    timeout: Seconds that one attempt may take.
    retries: Further attempts while the gateway is busy or away; repeated commands take effect once.
    context: For TLS; the system's authorities when left out.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, agent: str | None = None,
                 timeout: float = 60, retries: int = 4, context: ssl.SSLContext | None = None) -> None:
        url = url or os.environ.get("TICKETBUS_URL", "http://127.0.0.1:8800")
        token = token or os.environ.get("TICKETBUS_TOKEN")
        self._transport = Transport(url, token, agent=agent, timeout=timeout, retries=retries, context=context)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes this thread's connection."""
        self._transport.close()

    @staticmethod
    def _command(key: str | None, version: int | None) -> dict[str, str | None]:
        return {"Idempotency-Key": key or new_key(), "If-Match": None if version is None else f'"{version}"'}

    def create_ticket(
        self,
        *,
        workflow_id: str,
        title: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        description: str | None | Unset = UNSET,
        ticket_type: str | None | Unset = UNSET,
        priority: str | None | Unset = UNSET,
        initial_status: str | None | Unset = UNSET,
        assigned_agent_id: str | None | Unset = UNSET,
        parent_ticket_id: str | None | Unset = UNSET,
        blocked_by_ticket_ids: Sequence[str] | None | Unset = UNSET,
        tags: Sequence[str] | None | Unset = UNSET,
        related_task_ids: Sequence[str] | None | Unset = UNSET,
        related_ticket_ids: Sequence[str] | None | Unset = UNSET,
        external_id: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Creates a ticket on a workflow's board.

        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        workflow_id: Workflow whose board the ticket is on.
        title: One line that names the work.
        description: The work in full.
        ticket_type: One of the board's types; its default when left out.
        priority: One of the board's priorities; its default when left out.
        initial_status: Column to start in; the board's initial one when null.
        assigned_agent_id: Agent to assign at once.
        parent_ticket_id: Parent ticket, of the same workflow.
        blocked_by_ticket_ids: Tickets that must be resolved first.
        tags: Free labels.
        related_task_ids: Tasks of the orchestrator.
        related_ticket_ids: Tickets worth reading beside this one.
        external_id: The ticket's id in another system.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/create",
            body=given({"agent_id": agent_id, "agent_type": agent_type, "rationale": rationale, "workflow_id":
                workflow_id, "title": title, "description": description, "ticket_type": ticket_type, "priority":
                priority, "initial_status": initial_status, "assigned_agent_id": assigned_agent_id,
                "parent_ticket_id": parent_ticket_id, "blocked_by_ticket_ids": blocked_by_ticket_ids, "tags": tags,
                "related_task_ids": related_task_ids, "related_ticket_ids": related_ticket_ids, "external_id":
                external_id}, nullable=["rationale", "description", "ticket_type", "priority", "initial_status",
                "assigned_agent_id", "parent_ticket_id", "blocked_by_ticket_ids", "tags", "related_task_ids",
                "related_ticket_ids", "external_id"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def update_ticket(
        self,
        *,
        ticket_id: str,
        updates: UpdateTicketUpdates,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        update_comment: str | None | Unset = UNSET,
        commit_sha: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Changes fields of a ticket; what is not named stays.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        updates: Fields to change.
        update_comment: Becomes a comment of the ticket.
        commit_sha: Commit to link.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/update",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "updates": updates, "update_comment": update_comment, "commit_sha": commit_sha},
                nullable=["rationale", "update_comment", "commit_sha"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def change_ticket_status(
        self,
        *,
        ticket_id: str,
        new_status: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        comment: str | None | Unset = UNSET,
        commit_sha: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Moves a ticket to another column of its board.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        new_status: Column of the board to move to.
        comment: Why; some boards require it.
        commit_sha: Commit to link.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/change-status",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "new_status": new_status, "comment": comment, "commit_sha": commit_sha},
                nullable=["rationale", "comment", "commit_sha"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def comment_ticket(
        self,
        *,
        ticket_id: str,
        comment_text: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        comment_type: str | None | Unset = UNSET,
        mentions: Sequence[str] | None | Unset = UNSET,
        attachments: Sequence[str] | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Adds a comment to a ticket.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        comment_text: The comment.
        comment_type: Kind of comment, "general" when left out.
        mentions: Agents or tickets mentioned.
        attachments: References to files.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/comment",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "comment_text": comment_text, "comment_type": comment_type, "mentions": mentions,
                "attachments": attachments}, nullable=["rationale", "comment_type", "mentions", "attachments"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def edit_comment(
        self,
        *,
        ticket_id: str,
        comment_id: str,
        comment_text: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        mentions: Sequence[str] | None | Unset = UNSET,
        attachments: Sequence[str] | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Changes the text of a comment; its author or an administrator may.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        comment_id: The comment to change.
        comment_text: The new text.
        mentions: The whole new list; kept when left out.
        attachments: The whole new list; kept when left out.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/edit-comment",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "comment_id": comment_id, "comment_text": comment_text, "mentions": mentions,
                "attachments": attachments}, nullable=["rationale", "mentions", "attachments"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def link_commit(
        self,
        *,
        ticket_id: str,
        commit_sha: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        commit_message: str | None | Unset = UNSET,
        commit_timestamp: datetime | str | None | Unset = UNSET,
        files_changed: int | None | Unset = UNSET,
        insertions: int | None | Unset = UNSET,
        deletions: int | None | Unset = UNSET,
        files_list: Sequence[str] | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Links a commit to a ticket.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        commit_sha: The commit's hash.
        commit_message: Its message.
        commit_timestamp: When it was made.
        files_changed: Number of files changed.
        insertions: Lines added.
        deletions: Lines removed.
        files_list: Paths changed.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/link-commit",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "commit_sha": commit_sha, "commit_message": commit_message, "commit_timestamp":
                commit_timestamp, "files_changed": files_changed, "insertions": insertions, "deletions": deletions,
                "files_list": files_list}, nullable=["rationale", "commit_message", "commit_timestamp",
                "files_changed", "insertions", "deletions", "files_list"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def resolve_ticket(
        self,
        *,
        ticket_id: str,
        resolution_comment: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        commit_sha: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Resolves a ticket and unblocks what waits for it.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        resolution_comment: How it was resolved.
        commit_sha: Commit to link.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/resolve",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "resolution_comment": resolution_comment, "commit_sha": commit_sha},
                nullable=["rationale", "commit_sha"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def reopen_ticket(
        self,
        *,
        ticket_id: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        new_status: str | None | Unset = UNSET,
        comment: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Opens a resolved ticket again and blocks what waits for it.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        new_status: Column to return to; the board's initial one when left out.
        comment: Why.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/reopen",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "new_status": new_status, "comment": comment}, nullable=["rationale", "new_status",
                "comment"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def assign_ticket(
        self,
        *,
        ticket_id: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        assigned_agent_id: str | None | Unset = UNSET,
        exclusive: bool | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Assigns a ticket, to the caller unless another agent is named.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        assigned_agent_id: Agent to assign; the actor when left out.
        exclusive: Refuse when another agent has the ticket.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/assign",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "assigned_agent_id": assigned_agent_id, "exclusive": exclusive}, nullable=["rationale",
                "assigned_agent_id", "exclusive"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def unassign_ticket(
        self,
        *,
        ticket_id: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Takes the assignee off a ticket.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/unassign",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def delete_ticket(
        self,
        *,
        ticket_id: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Deletes a ticket; it can be restored.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/delete",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def restore_ticket(
        self,
        *,
        ticket_id: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Brings a deleted ticket back.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/restore",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def block_ticket(
        self,
        *,
        ticket_id: str,
        blocked_by_ticket_ids: Sequence[str],
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Adds tickets that must be resolved before this one.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        blocked_by_ticket_ids: The blockers.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/block",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "blocked_by_ticket_ids": blocked_by_ticket_ids}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def unblock_ticket(
        self,
        *,
        ticket_id: str,
        blocked_by_ticket_ids: Sequence[str],
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Removes blockers of a ticket.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        blocked_by_ticket_ids: The blockers.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/unblock",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "blocked_by_ticket_ids": blocked_by_ticket_ids}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def link_tickets(
        self,
        *,
        ticket_id: str,
        dependencies: Sequence[LinkTicketsDependency],
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Adds links to other tickets that do not block.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        dependencies: The edges.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/link",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "dependencies": dependencies}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def unlink_tickets(
        self,
        *,
        ticket_id: str,
        dependencies: Sequence[UnlinkTicketsDependency],
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> CommandResult:
        """Removes links that do not block.

        ticket_id: The ticket.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        dependencies: The edges.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/unlink",
            body=given({"ticket_id": ticket_id, "agent_id": agent_id, "agent_type": agent_type, "rationale":
                rationale, "dependencies": dependencies}, nullable=["rationale"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return CommandResult.read(answer)

    def put_board(
        self,
        workflow_id: str,
        *,
        name: str,
        columns: Sequence[PutBoardColumn],
        ticket_types: Sequence[str],
        initial_status: str,
        agent_id: str | None = None,
        agent_type: ActorType | None = None,
        rationale: str | None | Unset = UNSET,
        default_ticket_type: str | None | Unset = UNSET,
        settings: PutBoardSettings | None | Unset = UNSET,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> BoardResult:
        """Makes or replaces the board of a workflow.

        workflow_id: The workflow.
        agent_id: Who acts; the token's agent, or its name, when left out.
        agent_type: What kind of actor that is.
        rationale: Why; copied to the events.
        name: Shown to people.
        columns: The columns.
        ticket_types: Allowed types.
        default_ticket_type: For commands that give none.
        initial_status: Column new tickets start in.
        settings: Rules of the board.
        idempotency_key: The same key takes effect once; made up when left out.
        if_match: Only when the version is this one.
        """
        answer = self._transport.call(
            "PUT",
            f"/tickets/board-config/{quote(workflow_id, safe='')}",
            body=given({"agent_id": agent_id, "agent_type": agent_type, "rationale": rationale, "name": name,
                "columns": columns, "ticket_types": ticket_types, "default_ticket_type": default_ticket_type,
                "initial_status": initial_status, "settings": settings}, nullable=["rationale",
                "default_ticket_type", "settings"]),
            headers=self._command(idempotency_key, if_match),
            safe=True,
            is_command=True,
        )
        return BoardResult.read(answer)

    def get_board(self, workflow_id: str) -> Board:
        """Shows a workflow's board: columns, types, rules and how many tickets each column holds.

        workflow_id: The workflow.
        """
        answer = self._transport.call("GET", f"/tickets/board-config/{quote(workflow_id, safe='')}", safe=True)
        return Board.read(answer)

    def list_tickets(
        self,
        *,
        workflow_id: str | None = None,
        status: Sequence[str] | None = None,
        type: Sequence[str] | None = None,
        priority: Sequence[str] | None = None,
        assignee: str | None = None,
        tag: Sequence[str] | None = None,
        external_id: str | None = None,
        named: str | None = None,
        ready: bool | None = None,
        include_completed: bool | None = None,
        include_deleted: bool | None = None,
        sort_by: Literal["created_at", "updated_at", "priority", "status", "title"] | None = None,
        sort_order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
        fields: Sequence[str] | None = None,
        total: bool | None = None,
    ) -> TicketList:
        """Lists tickets by filter, a page at a time; ready=true gives what could be started now.

        workflow_id: Only tickets of this workflow.
        status: Only tickets in one of these columns.
        type: Only tickets of one of these types.
        priority: Only tickets of one of these priorities.
        assignee: Only tickets of this agent.
        tag: Only tickets with all of these tags.
        external_id: Only the ticket with this id in another system.
        named: Only tickets called so: by their id in another system, or by the last four characters and more of their
            own.
        ready: Only what an agent could start now: open, unblocked, nobody's; most urgent first.
        include_completed: Tickets that are resolved or in a done column, too; true when left out.
        include_deleted: Deleted tickets, too; false when left out.
        sort_by: Column to sort by; created_at when left out, priority with ready.
        sort_order: Times come latest first, everything else ascending, when left out.
        limit: Most tickets of this page; 100 when left out.
        offset: Tickets to pass over; a cursor is quicker and does not shift.
        cursor: next_cursor of the page before, with the same filters and order.
        fields: Columns to show; all but the description when left out.
        total: Whether to count all that match; true when left out.
        """
        answer = self._transport.call(
            "GET",
            "/tickets/get",
            query=given({"workflow_id": workflow_id, "status": status, "type": type, "priority": priority,
                "assignee": assignee, "tag": tag, "external_id": external_id, "named": named, "ready": ready,
                "include_completed": include_completed, "include_deleted": include_deleted, "sort_by": sort_by,
                "sort_order": sort_order, "limit": limit, "offset": offset, "cursor": cursor, "fields": fields,
                "total": total}),
            safe=True,
        )
        return TicketList.read(answer)

    def list_workflows(self, *, counts: bool | None = None) -> WorkflowList:
        """Lists the workflows that have a board.

        counts: Count tickets, and name the columns; false when left out.
        """
        answer = self._transport.call("GET", "/workflows", query=given({"counts": counts}), safe=True)
        return WorkflowList.read(answer)

    def search_tickets(
        self,
        *,
        query: str,
        workflow_id: str | None = None,
        search_type: Literal["hybrid", "semantic", "keyword"] | None = None,
        filters: SearchTicketsFilters | None = None,
        include_comments: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        explain: bool | None = None,
    ) -> SearchResult:
        """Finds tickets by meaning and by word, in titles, descriptions and comments.

        query: Any text: words, a sentence, an error message.
        workflow_id: Only tickets of this workflow.
        search_type: By meaning, by word, or (when left out) both.
        filters: Narrow the search.
        include_comments: Search comments, too; true when left out.
        limit: Most results; 10 when left out.
        offset: Results to pass over.
        explain: Say how each result was ranked.
        """
        answer = self._transport.call(
            "POST",
            "/tickets/search",
            body=given({"query": query, "workflow_id": workflow_id, "search_type": search_type, "filters": filters,
                "include_comments": include_comments, "limit": limit, "offset": offset, "explain": explain}),
            safe=True,
        )
        return SearchResult.read(answer)

    def get_commit_diff(self, sha: str, *, repository: str | None = None) -> CommitDiff:
        """Shows what a commit changed, file by file.

        sha: The commit's hash, whole or its beginning.
        repository: Name of a configured repository; all are looked through when left out.
        """
        answer = self._transport.call(
            "GET",
            f"/tickets/commit-diff/{quote(sha, safe='')}",
            query=given({"repository": repository}),
            safe=True,
        )
        return CommitDiff.read(answer)

    def get_ticket(self, ticket_id: str) -> TicketDetail:
        """Shows a ticket with comments, commits, history, blockers both ways and children.

        ticket_id: The ticket.
        """
        answer = self._transport.call("GET", f"/tickets/{quote(ticket_id, safe='')}", safe=True)
        return TicketDetail.read(answer)

    def get_ticket_history(
        self,
        ticket_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> HistoryPage:
        """Shows who changed what and when, latest first.

        ticket_id: The ticket.
        limit: Most entries of this page; 100 when left out.
        cursor: next_cursor of the page before.
        """
        answer = self._transport.call(
            "GET",
            f"/tickets/{quote(ticket_id, safe='')}/history",
            query=given({"limit": limit, "cursor": cursor}),
            safe=True,
        )
        return HistoryPage.read(answer)

    def find_similar_tickets(
        self,
        ticket_id: str,
        *,
        anywhere: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        explain: bool | None = None,
    ) -> SearchResult:
        """Finds tickets that are about the same thing.

        ticket_id: The ticket.
        anywhere: Of other workflows, too; false when left out.
        limit: Most tickets to name; 10 when left out.
        offset: Tickets to pass over.
        explain: Say how each result was ranked.
        """
        answer = self._transport.call(
            "GET",
            f"/tickets/{quote(ticket_id, safe='')}/similar",
            query=given({"anywhere": anywhere, "limit": limit, "offset": offset, "explain": explain}),
            safe=True,
        )
        return SearchResult.read(answer)

    def get_command(
        self,
        command_id: str,
        *,
        source: str | None = None,
        events: bool | None = None,
    ) -> CommandOutcome:
        """Tells what became of a command sent earlier.

        command_id: The command's id.
        source: Only when it came from there; any source when left out, this gateway's first.
        events: Show its events whole; false when left out.
        """
        answer = self._transport.call(
            "GET",
            f"/commands/{quote(command_id, safe='')}",
            query=given({"source": source, "events": events}),
            safe=True,
        )
        return CommandOutcome.read(answer)

    def list_agents(self, *, workflow_id: str | None = None) -> AgentList:
        """Shows who is at work, on what and since when.

        workflow_id: Only what happens in this workflow.
        """
        answer = self._transport.call("GET", "/agents", query=given({"workflow_id": workflow_id}), safe=True)
        return AgentList.read(answer)

    def get_status(self) -> Status:
        """Shows how far workers and index are behind, and what is parked."""
        answer = self._transport.call("GET", "/status", safe=True)
        return Status.read(answer)

    def follow_events(
        self,
        *,
        workflow_id: Sequence[str] | None = None,
        ticket_id: Sequence[str] | None = None,
        type: Sequence[str] | None = None,
        last_event_id: str | None = None,
    ) -> Iterator[StreamEvent]:
        """Server-sent events: id is an offset for each partition, event the CloudEvents type, data the event exactly as
        it is on the topic. An id alone is a heartbeat. 0=0 is the beginning of every partition. A stream ends now and
        then; a reader comes back with the last id. It is never compressed.

        workflow_id: Only of these workflows.
        ticket_id: Only of these tickets.
        type: Only of these types.
        last_event_id: As the header, for readers that cannot set it.
        """
        return self._transport.stream("/events", given({"workflow_id": workflow_id, "ticket_id": ticket_id, "type": type}), last_event_id)

    def create_webhook(
        self,
        *,
        url: str,
        description: str | None = None,
        workflow_ids: Sequence[str] | None = None,
        ticket_ids: Sequence[str] | None = None,
        event_types: Sequence[str] | None = None,
        max_parallel: int | None = None,
        max_per_second: int | None = None,
    ) -> Webhook:
        """Sends what happens from now on to a URL. The secret is shown this once."""
        answer = self._transport.call(
            "POST",
            "/webhooks",
            body=given({"url": url, "description": description, "workflow_ids": workflow_ids, "ticket_ids":
                ticket_ids, "event_types": event_types, "max_parallel": max_parallel, "max_per_second":
                max_per_second}),
            safe=False,
        )
        return Webhook.read(answer)

    def list_webhooks(self) -> ListWebhooksAnswer:
        """With how many deliveries wait or are dead."""
        answer = self._transport.call("GET", "/webhooks", safe=True)
        return ListWebhooksAnswer.read(answer)

    def get_webhook(self, webhook_id: str) -> Webhook:
        """With how many deliveries wait or are dead."""
        answer = self._transport.call("GET", f"/webhooks/{quote(webhook_id, safe='')}", safe=True)
        return Webhook.read(answer)

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        workflow_ids: Sequence[str] | None = None,
        ticket_ids: Sequence[str] | None = None,
        event_types: Sequence[str] | None = None,
        max_parallel: int | None = None,
        max_per_second: int | None = None,
        status: Literal["active", "paused"] | None = None,
    ) -> Webhook:
        """What is not named stays; status pauses and resumes."""
        answer = self._transport.call(
            "PATCH",
            f"/webhooks/{quote(webhook_id, safe='')}",
            body=given({"url": url, "description": description, "workflow_ids": workflow_ids, "ticket_ids":
                ticket_ids, "event_types": event_types, "max_parallel": max_parallel, "max_per_second":
                max_per_second, "status": status}),
            safe=True,
        )
        return Webhook.read(answer)

    def delete_webhook(self, webhook_id: str) -> None:
        """With what waits for it."""
        self._transport.call("DELETE", f"/webhooks/{quote(webhook_id, safe='')}", safe=True)

    def rotate_webhook_secret(self, webhook_id: str, *, hours: int | None = None) -> Webhook:
        """The old one signs too for some hours, 24 unless said."""
        answer = self._transport.call(
            "POST",
            f"/webhooks/{quote(webhook_id, safe='')}/rotate-secret",
            body=given({"hours": hours}),
            safe=False,
        )
        return Webhook.read(answer)

    def test_webhook(self, webhook_id: str) -> TestWebhookAnswer:
        """Queues an event of type webhook.test."""
        answer = self._transport.call("POST", f"/webhooks/{quote(webhook_id, safe='')}/test", safe=False)
        return TestWebhookAnswer.read(answer)

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        status: Literal["pending", "delivered", "dead"] | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> ListWebhookDeliveriesAnswer:
        """The latest first, with their attempts.

        status: Only those that are so.
        limit: Most to show, 50 unless said.
        before: The last id of the page before.
        """
        answer = self._transport.call(
            "GET",
            f"/webhooks/{quote(webhook_id, safe='')}/deliveries",
            query=given({"status": status, "limit": limit, "before": before}),
            safe=True,
        )
        return ListWebhookDeliveriesAnswer.read(answer)

    def redrive_webhook(self, webhook_id: str, *, delivery_id: str | None = None) -> RedriveWebhookAnswer:
        """Tries dead deliveries again, all or one."""
        answer = self._transport.call(
            "POST",
            f"/webhooks/{quote(webhook_id, safe='')}/redrive",
            body=given({"delivery_id": delivery_id}),
            safe=False,
        )
        return RedriveWebhookAnswer.read(answer)

    def bulk(self, *, commands: Sequence[Mapping[str, Any]]) -> BulkResult:
        """Sends a list of commands in their order, with one answer each; they are not one transaction."""
        answer = self._transport.call(
            "POST",
            "/tickets/bulk",
            body={"commands": [{"idempotency_key": new_key()} | plain(one) for one in commands]},
            safe=True,
        )
        return BulkResult.read(answer)

    def open_session(self) -> None:
        """Exchanges the token for a cookie that pages of the same origin may use."""
        self._transport.call("POST", "/session", safe=True)

    def end_session(self) -> None:
        """Ends the session of the cookie."""
        self._transport.call("DELETE", "/session", safe=True)

    def health(self) -> Health:
        """Answers as long as the process does."""
        answer = self._transport.call("GET", "/healthz", safe=True)
        return Health.read(answer)

    def ready(self) -> Health:
        """Whether requests can be served."""
        answer = self._transport.call("GET", "/readyz", safe=True)
        return Health.read(answer)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        answer = self._transport.call("GET", "/openapi.json", safe=True)
        return cast('dict[str, Any]', answer)
