"""The orchestrations. To import any of them mends how the SDK reads histories, before a turn can run."""

from durabletask import worker

from orchestrators import entity_answers, execution_ids

entity_answers.install(worker)
execution_ids.install(worker)
