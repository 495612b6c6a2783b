"""The same endpoints as the seeds' stack has them: FastAPI, SQLAlchemy's asyncio session, psycopg, one transaction per
request. It reads the same tables by the same indexes and answers the same columns; it writes ticket and history, and
publishes nothing."""

import datetime
import os
import uuid

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Integer, String, Text, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column

URL = "postgresql+psycopg://{DB_USER}:{DB_PASSWORD}@{DB_HOST}:{DB_PORT}/{DB_NAME}".format(**os.environ)
engine = create_async_engine(URL, pool_size=16, max_overflow=0, pool_pre_ping=False, connect_args={"prepare_threshold": 2})
Session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
Time = datetime.datetime


class Base(DeclarativeBase):
    pass


class Board(Base):
    __tablename__ = "board_configs"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String)
    columns: Mapped[list] = mapped_column(JSONB)
    ticket_types: Mapped[list] = mapped_column(JSONB)
    default_ticket_type: Mapped[str | None] = mapped_column(String)
    initial_status: Mapped[str] = mapped_column(String)


class Ticket(Base):
    __tablename__ = "tickets"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    workflow_id: Mapped[str] = mapped_column(String)
    external_id: Mapped[str | None] = mapped_column(String)
    created_by_agent_id: Mapped[str] = mapped_column(String)
    assigned_agent_id: Mapped[str | None] = mapped_column(String)
    title: Mapped[str] = mapped_column(String)
    description: Mapped[str] = mapped_column(Text)
    ticket_type: Mapped[str] = mapped_column(String)
    priority: Mapped[str] = mapped_column(String)
    status: Mapped[str] = mapped_column(String)
    parent_ticket_id: Mapped[str | None] = mapped_column(String)
    related_task_ids: Mapped[list] = mapped_column(JSONB, default=list)
    related_ticket_ids: Mapped[list] = mapped_column(JSONB, default=list)
    tags: Mapped[list] = mapped_column(JSONB, default=list)
    blocked_by_ticket_ids: Mapped[list] = mapped_column(JSONB, default=list)
    is_blocked: Mapped[bool] = mapped_column(Boolean, default=False)
    is_resolved: Mapped[bool] = mapped_column(Boolean, default=False)
    is_deleted: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[Time] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[Time] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[Time | None] = mapped_column(DateTime(timezone=True))
    completed_at: Mapped[Time | None] = mapped_column(DateTime(timezone=True))
    resolved_at: Mapped[Time | None] = mapped_column(DateTime(timezone=True))
    deleted_at: Mapped[Time | None] = mapped_column(DateTime(timezone=True))


class Comment(Base):
    __tablename__ = "ticket_comments"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"))
    agent_id: Mapped[str] = mapped_column(String)
    comment_text: Mapped[str] = mapped_column(Text)
    comment_type: Mapped[str] = mapped_column(String)
    created_at: Mapped[Time] = mapped_column(DateTime(timezone=True))


class Commit(Base):
    __tablename__ = "ticket_commits"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"))
    commit_sha: Mapped[str] = mapped_column(String)
    commit_message: Mapped[str | None] = mapped_column(Text)
    linked_at: Mapped[Time] = mapped_column(DateTime(timezone=True))


class History(Base):
    __tablename__ = "ticket_history"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"))
    agent_id: Mapped[str] = mapped_column(String)
    change_type: Mapped[str] = mapped_column(String)
    field_name: Mapped[str | None] = mapped_column(String)
    old_value: Mapped[str | None] = mapped_column(Text)
    new_value: Mapped[str | None] = mapped_column(Text)
    change_description: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[Time] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(BigInteger)


class Dependency(Base):
    __tablename__ = "ticket_dependencies"
    ticket_id: Mapped[str] = mapped_column(String, primary_key=True)
    depends_on: Mapped[str] = mapped_column(String, primary_key=True)
    dependency_type: Mapped[str] = mapped_column(String, primary_key=True)


class Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TicketBrief(Row):
    id: str
    version: int
    workflow_id: str
    external_id: str | None
    created_by_agent_id: str
    assigned_agent_id: str | None
    title: str
    ticket_type: str
    priority: str
    status: str
    parent_ticket_id: str | None
    related_task_ids: list[str]
    related_ticket_ids: list[str]
    tags: list[str]
    blocked_by_ticket_ids: list[str]
    is_blocked: bool
    is_resolved: bool
    is_deleted: bool
    created_at: Time
    updated_at: Time
    started_at: Time | None
    completed_at: Time | None
    resolved_at: Time | None
    deleted_at: Time | None


class TicketFull(TicketBrief):
    description: str


class TicketList(BaseModel):
    tickets: list[TicketBrief]
    has_more: bool


class CommentOut(Row):
    id: str
    agent_id: str
    comment_text: str
    comment_type: str
    created_at: Time


class CommitOut(Row):
    commit_sha: str
    commit_message: str | None
    linked_at: Time


class HistoryOut(Row):
    id: int
    version: int
    agent_id: str
    change_type: str
    field_name: str | None
    old_value: str | None
    new_value: str | None
    change_description: str | None
    changed_at: Time


class Reference(BaseModel):
    ticket_id: str
    title: str | None
    status: str | None
    is_resolved: bool | None


class Detail(BaseModel):
    ticket: TicketFull
    comments: list[CommentOut]
    commits: list[CommitOut]
    history: list[HistoryOut]
    blocked_by: list[Reference]
    blocks: list[Reference]
    children: list[Reference]


class Create(BaseModel):
    workflow_id: str
    title: str
    description: str = ""
    ticket_type: str | None = None
    priority: str = "medium"
    initial_status: str | None = None
    tags: list[str] = []


class Created(BaseModel):
    ticket_id: str
    ticket: TicketFull


@app.get("/tickets/get", response_model=TicketList)
async def get_tickets(workflow_id: str, limit: int = 100):
    async with Session() as session:
        rows = (await session.execute(
            select(Ticket).where(Ticket.workflow_id == workflow_id, ~Ticket.is_deleted)
            .order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(limit + 1))).scalars().all()
    return {"tickets": rows[:limit], "has_more": len(rows) > limit}


def references(rows):
    return [{"ticket_id": i, "title": t, "status": s, "is_resolved": r} for i, t, s, r in rows]


@app.get("/tickets/{ticket_id}", response_model=Detail)
async def get_ticket(ticket_id: str):
    other = aliased(Ticket)
    shown = (other.id, other.title, other.status, other.is_resolved)
    async with Session() as session:
        ticket = await session.get(Ticket, ticket_id)
        if ticket is None:
            raise HTTPException(404)
        comments = (await session.execute(select(Comment).where(Comment.ticket_id == ticket_id).order_by(Comment.created_at))).scalars().all()
        commits = (await session.execute(select(Commit).where(Commit.ticket_id == ticket_id).order_by(Commit.linked_at))).scalars().all()
        history = (await session.execute(select(History).where(History.ticket_id == ticket_id).order_by(History.id.desc()).limit(200))).scalars().all()
        blocked_by = (await session.execute(
            select(Dependency.depends_on, other.title, other.status, other.is_resolved)
            .outerjoin(other, other.id == Dependency.depends_on)
            .where(Dependency.ticket_id == ticket_id, Dependency.dependency_type == "blocks"))).all()
        blocks = (await session.execute(
            select(*shown).join(Dependency, other.id == Dependency.ticket_id)
            .where(Dependency.depends_on == ticket_id, Dependency.dependency_type == "blocks"))).all()
        children = (await session.execute(select(*shown).where(other.parent_ticket_id == ticket_id))).all()
    return {"ticket": ticket, "comments": comments, "commits": commits, "history": history,
            "blocked_by": references(blocked_by), "blocks": references(blocks), "children": references(children)}


@app.post("/tickets/create", response_model=Created, status_code=201)
async def create_ticket(body: Create):
    now = datetime.datetime.now(datetime.UTC)
    async with Session() as session, session.begin():
        board = (await session.execute(select(Board).where(Board.workflow_id == body.workflow_id))).scalar_one_or_none()
        if board is None:
            raise HTTPException(404, "board_not_found")
        status = body.initial_status or board.initial_status
        if status not in [column["id"] for column in board.columns]:
            raise HTTPException(422, "unknown_status")
        if (body.ticket_type or board.default_ticket_type) not in board.ticket_types:
            raise HTTPException(422, "unknown_ticket_type")
        ticket = Ticket(id=f"ticket-{uuid.uuid4()}", version=1, workflow_id=body.workflow_id, created_by_agent_id="rival",
                        title=body.title, description=body.description,
                        ticket_type=body.ticket_type or board.default_ticket_type, priority=body.priority, status=status,
                        tags=body.tags, related_task_ids=[], related_ticket_ids=[], blocked_by_ticket_ids=[],
                        is_blocked=False, is_resolved=False, is_deleted=False, created_at=now, updated_at=now)
        session.add(ticket)
        await session.flush()
        session.add(History(ticket_id=ticket.id, agent_id="rival", change_type="created",
                            change_description="created", changed_at=now, version=1))
    return {"ticket_id": ticket.id, "ticket": ticket}
