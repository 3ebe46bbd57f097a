"""The extension's gRPC service, as the local host's own client calls it."""

from collections.abc import Callable
from typing import Any, Final

import durabletask.internal.orchestrator_service_pb2_grpc as stubs
import grpc

from local.host import EngineError
from local.patience import within

_CALL_SECONDS: Final = 60


class GrpcService:
    """Calls block: none of them waits for a run, and the extension answers without the worker."""

    def __init__(self, address: str) -> None:
        """`address` is `http://host:port`."""
        self._channel = grpc.insecure_channel(
            address.removeprefix("http://"), options=[("grpc.max_receive_message_length", -1)]
        )
        self._stub = stubs.TaskHubSidecarServiceStub(self._channel)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        method = getattr(self._stub, name)

        def call(request: Any) -> Any:
            try:
                answer = method(request, timeout=within(_CALL_SECONDS))
                # A stream only fails when it is read.
                return answer if not hasattr(answer, "__next__") else list(answer)
            except grpc.RpcError as error:
                raise EngineError(error.code().name, error.details()) from error

        return call

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()
