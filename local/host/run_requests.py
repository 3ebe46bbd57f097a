"""Requests of durable clients about one run, refused where the Durable Functions extension refuses them."""

from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc

from local.host.queries import TaskHubQueries


class RunRequests(TaskHubQueries):
    """The engine's requests that need a run which is going on, or one that has finished."""

    def TerminateInstance(self, request: pb.TerminateRequest, context: Any) -> pb.TerminateResponse:  # noqa: N802 - the service's name
        """Terminate an instance that has not finished."""
        with self._lock:
            self._require_unfinished(request.instanceId, context)
            return super().TerminateInstance(request, context)

    def SuspendInstance(self, request: pb.SuspendRequest, context: Any) -> pb.SuspendResponse:  # noqa: N802 - the service's name
        """Suspend an instance that has not finished."""
        with self._lock:
            self._require_unfinished(request.instanceId, context)
            return super().SuspendInstance(request, context)

    def ResumeInstance(self, request: pb.ResumeRequest, context: Any) -> pb.ResumeResponse:  # noqa: N802 - the service's name
        """Resume an instance that has not finished."""
        with self._lock:
            self._require_unfinished(request.instanceId, context)
            return super().ResumeInstance(request, context)

    def RaiseEvent(self, request: pb.RaiseEventRequest, context: Any) -> pb.RaiseEventResponse:  # noqa: N802 - the service's name
        """Raise an event for an instance that has not finished."""
        with self._lock:
            self._require_unfinished(request.instanceId, context)
            return super().RaiseEvent(request, context)

    def PurgeInstances(self, request: pb.PurgeInstancesRequest, context: Any) -> pb.PurgeInstancesResponse:  # noqa: N802 - the service's name
        """Purge one instance, which must have finished, or those that a filter finds."""
        with self._lock:
            instance = self._instances.get(request.instanceId)
            if instance is not None and not self._is_terminal_status(instance.status):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.instanceId} has not ended.")
            return super().PurgeInstances(request, context)

    def _require_unfinished(self, instance_id: str, context: Any) -> None:
        instance = self._instances.get(instance_id)
        if instance is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"No instance with ID '{instance_id}' was found.")
        elif self._is_terminal_status(instance.status):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"The orchestration instance {instance_id} has ended.")
