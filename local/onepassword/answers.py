"""HTTP answers of the Events API, and the shapes of its errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, before compression, and what it means once it has been sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    events: int = 0
    accepted_start: int | None = None  # of a reset cursor: nanoseconds since 1970


class RefusedError(Exception):
    """The API answers with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body.decode()}")
        self.answer = answer


# Both JSON shapes are real: {"Error":{...}} stands in the specification up to 1.2.0 and in captured answers,
# {"status":...} in the reference of 1.4.1. Which endpoint sends which is not documented, so the client gets both.
BAD_REQUEST: Final = Answer(400, b'{"Error":{"Message":"Bad Request"}}')
UNAUTHORIZED: Final = Answer(401, b'{"Error":{"Message":"Unauthorized"}}')
FEATURE_NOT_GRANTED: Final = Answer(401, b'{"status":401,"message":"Unauthorized"}')
NOT_FOUND: Final = Answer(404, b"404 page not found", "text/plain")
TOO_MANY_REQUESTS: Final = Answer(429, b'{"status":429,"message":"Too Many Requests"}')
INTERNAL_SERVER_ERROR: Final = Answer(500, b'{"Error":{"Message":"Internal Server Error"}}')

BY_STATUS: Final = {
    answer.status: answer for answer in (BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TOO_MANY_REQUESTS, INTERNAL_SERVER_ERROR)
}
