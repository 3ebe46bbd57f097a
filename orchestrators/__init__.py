"""The orchestrations. To import any of them mends how the SDK reads entities' answers, before a turn can run."""

from contextlib import suppress

from orchestrators import entity_answers

# A later SDK may have no such module; the app must start all the same.
with suppress(ImportError):
    from azure.durable_functions.worker import DurableFunctionsWorker

    entity_answers.install(DurableFunctionsWorker)
