"""Where Prefect servers look for the flow `reconcile`: its entry point stays `flows.reconciling.reconcile`."""

from flows.gitops.flow import reconcile

__all__ = ["reconcile"]
