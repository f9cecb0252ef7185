"""Reconciliation: Prefect brought in line with repositories, and kept so."""
