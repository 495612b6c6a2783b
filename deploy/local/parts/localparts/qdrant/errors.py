"""Errors in Qdrant's own words and HTTP codes."""


class ApiError(Exception):
    """An answer other than success: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_json(message: str) -> ApiError:
    """The body does not have the shape of the request."""
    return ApiError(400, f"Format error in JSON body: {message}")


def bad_input(message: str) -> ApiError:
    """The body is well formed, what it asks for is not possible."""
    return ApiError(400, f"Wrong input: {message}")


def invalid(message: str) -> ApiError:
    """A value is out of its range."""
    return ApiError(422, f"Validation error in JSON body: [{message}]")


def not_supported(what: str) -> ApiError:
    """Real Qdrant can do this, this server cannot."""
    return bad_input(f"{what} is not supported by the local vector server")


def no_collection(name: str) -> ApiError:
    return ApiError(404, f"Not found: Collection `{name}` doesn't exist!")


# Beginnings of the engine's messages for what is its own fault and not the request's.
_ENGINE_FAULTS = (
    "Service runtime error",
    "Service internal error",
    "Inconsistent storage",
    "Out of memory",
    "IO error",
    "Operation cancelled",
)


def from_engine(err: BaseException) -> ApiError:
    """The engine raises plain exceptions that carry Qdrant's message; the code follows from it."""
    message = str(err)
    if isinstance(err, (TypeError, ValueError, OverflowError)):
        return bad_json(message.split("\n")[0])
    if message.startswith("No point with id"):
        return ApiError(404, f"Not found: {message} found")
    if not isinstance(err, Exception) or message.startswith(_ENGINE_FAULTS):
        return ApiError(500, f"Service internal error: {message}")
    return bad_input(message)
