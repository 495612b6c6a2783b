"""Client of a Ticketbus gateway. See README.md beside the package."""

from ._client import Client
from ._models import *  # noqa: F403
from ._models import __all__ as _models
from ._transport import UNSET, Pending, Problem, StreamEvent, TicketbusError, Unset

__all__ = ["UNSET", "Client", "Pending", "Problem", "StreamEvent", "TicketbusError", "Unset", *_models]
