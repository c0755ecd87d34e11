"""What is refused when jobs are composed."""

from __future__ import annotations

from infra.queue.errors import JobRefused


class CompositionRefused(JobRefused):
    """The composition makes no sense: a cycle, an empty batch without a callback, a job that stands in it twice."""


class UnknownWorkflow(LookupError):
    """No store knows a workflow of this id; it may have expired."""
