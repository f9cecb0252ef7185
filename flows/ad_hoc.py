"""Where Prefect servers look for the flow `ad_hoc`: its entry point stays `flows.ad_hoc.ad_hoc`."""

from flows.experiment.ad_hoc import ad_hoc

__all__ = ["ad_hoc"]
