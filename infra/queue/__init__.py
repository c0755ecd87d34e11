"""The queue: send jobs, in bulk or in your own transaction; know the job you are.

from infra.queue import actor, current_job, enqueue_many, transaction
"""

from infra.queue.actor import actor
from infra.queue.cancel import cancel
from infra.queue.current import cancellation_requested, current_job
from infra.queue.enqueue import enqueue_many
from infra.queue.errors import JobRefused, StoreNotMigrated, StoreUnavailable
from infra.queue.transaction import transaction

__all__ = [
    "JobRefused",
    "StoreNotMigrated",
    "StoreUnavailable",
    "actor",
    "cancel",
    "cancellation_requested",
    "current_job",
    "enqueue_many",
    "transaction",
]
