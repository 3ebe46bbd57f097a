"""Invocations as the Functions host makes them: the trigger's value, and a durable client where one is asked for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from local.host.errors import InvocationError
from local.host.frames import Frame
from local.host.functions import FunctionInfo
from local.host.worker import WorkerProcess

# Where the extension serves its management API, and the key for it, which nothing checks here.
_WEBHOOK_PATH = "/runtime/webhooks/durabletask"
_SYSTEM_KEY = "local-durabletask-extension-key"
_MAX_GRPC_MESSAGE_BYTES = 4_194_304


def durable_client(task_hub: str, engine_address: str, http_url: str) -> str:
    """Make the JSON that a durable client binding hands to the worker.

    :param engine_address: ``host:port`` of the durable engine.
    :param http_url: where the HTTP functions are served, for management URLs; without a slash at the end. The binding
        says https, as in Azure; the SDK puts a request's own origin in its place.
    """
    return json.dumps(
        {
            "taskHubName": task_hub,
            "connectionName": None,
            "creationUrls": None,
            "managementUrls": None,
            "baseUrl": None,
            "httpBaseUrl": http_url.replace("http:", "https:", 1) + _WEBHOOK_PATH,
            "requiredQueryStringParameters": f"code={_SYSTEM_KEY}",
            "rpcBaseUrl": f"http://{engine_address}",
            "useForwardedHost": False,
            "maxGrpcMessageSizeInBytes": _MAX_GRPC_MESSAGE_BYTES,
            "grpcHttpClientTimeout": '"00:01:40"',
        }
    )


class Invoker:
    """Makes invocations of one app's functions.

    :param client_binding: returns the JSON that a durable client binding hands to the worker.
    """

    def __init__(self, worker: WorkerProcess, client_binding: Callable[[], str]) -> None:
        self._worker = worker
        self._client_binding = client_binding

    async def invoke(
        self, function: FunctionInfo, trigger: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None = None
    ) -> Frame:
        """Invoke a function with its trigger's value and metadata (typed data as JSON).

        :returns: ``result`` and ``outputs``, typed data as JSON.
        :raises InvocationError: the function raised.
        :raises WorkerDiedError: the worker died meanwhile; the caller decides whether to invoke again.
        """
        inputs: dict[str, Any] = {function.trigger_name: trigger}
        for name in function.durable_client_names:
            inputs[name] = {"string": self._client_binding()}
        return await self._worker.invoke(function.name, function.function_id, inputs, metadata)

    async def result(self, function: FunctionInfo, trigger: Mapping[str, Any] | None) -> str:
        """Invoke a function whose result is text (durable functions: base64 or JSON) and return the text."""
        answer = await self.invoke(function, trigger)
        result = answer["result"] or {}
        text = result.get("json", result.get("string"))
        if not isinstance(text, str):
            raise InvocationError(function.name, f"TypeError: the function returned {sorted(result)}, not text")
        return text
