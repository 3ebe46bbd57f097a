"""The message shapes of the Functions RPC that the worker library builds and reads.

``azure_functions_runtime`` is handed its protobuf module by the process that loads it and uses it duck-typed; this
module is that module. Names, fields and numbers follow ``FunctionRpc.proto`` of
azure-functions-language-worker-protobuf. The two JSON conversions at the end are this host's own wire format.
"""

import base64
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar


class _Message(SimpleNamespace):
    """A message whose unset fields read as None, as the library expects of optional ones."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return None


class StatusResult(_Message):
    """Whether a request succeeded, and the exception if it did not."""

    Failure = 0
    Success = 1


class BindingInfo(_Message):
    """One binding of a function."""

    undefined = 0
    out = 1
    inout = 2


class RpcException(_Message):
    """``message`` is ``"<type>: <text>"``; ``stack_trace`` the whole traceback."""


class WorkerInitResponse(_Message):
    """The answer to the start of a worker; indexing happens inside it."""


class WorkerMetadata(_Message):
    """Language and version of a worker."""


class FunctionMetadataResponse(_Message):
    """The functions that indexing found."""


class RpcFunctionMetadata(_Message):
    """One function and its bindings."""


class RpcRetryOptions(_Message):
    """A function's own retry policy; the host of this package does not apply it."""


class FunctionLoadResponse(_Message):
    """The answer to loading one function."""


class FunctionEnvironmentReloadResponse(_Message):
    """The answer to specialising a placeholder worker."""


class InvocationResponse(_Message):
    """What an invocation returned."""


class RpcHttp(_Message):
    """An HTTP request or response."""


class RpcHttpCookie(_Message):
    """A cookie that a function sets."""

    class SameSite:
        """The values of a cookie's SameSite attribute."""

        Lax = 1
        Strict = 2
        ExplicitNone = 3


# A name that Python cannot spell as an attribute in a class body.
setattr(RpcHttpCookie.SameSite, "None", 0)


class NullableString(_Message):
    """A string or nothing."""


class NullableBool(_Message):
    """A boolean or nothing."""


class NullableDouble(_Message):
    """A number or nothing."""


class NullableTimestamp(_Message):
    """A time or nothing."""


class TypedData:
    """A value and which kind of value it is."""

    _KINDS: ClassVar = frozenset({"string", "json", "bytes", "http", "int", "double"})

    def __init__(self, **value: Any) -> None:
        unknown = value.keys() - self._KINDS
        if unknown or len(value) > 1:
            raise ValueError(f"not a value of the Functions RPC: {sorted(value)}")
        self._kind = next(iter(value), None)
        self.__dict__.update(value)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Return the kind, or None for no value."""
        return self._kind


class ParameterBinding:
    """A named value: one argument of an invocation, or one output."""

    def __init__(self, name: str, data: TypedData | None) -> None:
        self.name = name
        self.data = data

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name
        """Return where the value is: always in the message, never in shared memory."""
        return "data"


def typed_data_to_json(data: TypedData | None) -> dict[str, Any] | None:
    """Return a value as JSON; the inverse of :func:`typed_data_from_json`."""
    kind = data.WhichOneof("data") if data is not None else None
    if data is None or kind is None:
        return None
    value = getattr(data, kind)
    if kind == "bytes":
        value = base64.b64encode(value).decode("ascii")
    elif kind == "http":
        value = {
            "status_code": value.status_code,
            "headers": dict(value.headers or {}),
            "cookies": [_cookie_to_json(cookie) for cookie in value.cookies or ()],
            "body": typed_data_to_json(value.body),
        }
    return {kind: value}


def typed_data_from_json(value: Mapping[str, Any] | None) -> TypedData:
    """Return the value that JSON describes. HTTP requests become :class:`RpcHttp`."""
    if not value:
        return TypedData()
    ((kind, content),) = value.items()
    if kind == "bytes":
        content = base64.b64decode(content)
    elif kind == "http":
        content = RpcHttp(**{**content, "body": typed_data_from_json(content["body"])})
    return TypedData(**{kind: content})


def _cookie_to_json(cookie: Any) -> dict[str, Any]:
    optional = ("domain", "path", "secure", "http_only", "max_age")
    fields = {name: getattr(cookie, name).value for name in optional if getattr(cookie, name) is not None}
    if cookie.expires is not None:
        fields["expires"] = cookie.expires.value.ToDatetime().strftime("%a, %d %b %Y %H:%M:%S GMT")
    return {"name": cookie.name, "value": cookie.value, "same_site": cookie.same_site, **fields}
