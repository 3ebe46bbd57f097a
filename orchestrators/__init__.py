"""The orchestrations. To import any of them mends how the SDK reads entities' answers, before a turn can run."""

from durabletask import worker

from orchestrators import entity_answers

entity_answers.install(worker)
