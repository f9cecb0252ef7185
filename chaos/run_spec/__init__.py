"""Run specification: what host and agent share of an experiment, as typed data with one codec."""
