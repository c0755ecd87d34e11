"""Composition: batches and workflows of jobs, as facts in tables.

from infra.composition import Batch, Workflow

Dramatiq's own `pipeline` and `group` work as they are documented, and as durably.
"""

from infra.composition.batch import Batch
from infra.composition.errors import CompositionRefused, UnknownWorkflow
from infra.composition.opened import Failure
from infra.composition.plan import Node
from infra.composition.progress import Progress
from infra.composition.workflow import Workflow

__all__ = ["Batch", "CompositionRefused", "Failure", "Node", "Progress", "UnknownWorkflow", "Workflow"]
