"""What can go wrong between a caller and the host.

- HostError: the host cannot run the app (indexing failed, the worker keeps dying, it was stopped)
    - WorkerDiedError: the worker process ended while it held an invocation
- InvocationError: a function raised
- EngineError: the durable engine refused a request (unknown instance, id in use, wrong state)
"""


class HostError(RuntimeError):
    """The host cannot run the app; the message says why, in the worker's own words where it has any."""


class WorkerDiedError(HostError):
    """The worker process ended before it answered. The invocation may or may not have had effects."""


class InvocationError(RuntimeError):
    """A function raised.

    :ivar function: the function's name.
    :ivar message: ``"<exception type>: <text>"``, as the worker library reports it.
    :ivar stack_trace: the worker's traceback.
    """

    def __init__(self, function: str, message: str, stack_trace: str = "") -> None:
        super().__init__(f"Function {function!r} failed: {message}")
        self.function = function
        self.message = message
        self.stack_trace = stack_trace


class EngineError(RuntimeError):
    """The durable engine refused a request.

    :ivar code: the gRPC status name a durable client would see, e.g. ``ALREADY_EXISTS``.
    """

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = code
