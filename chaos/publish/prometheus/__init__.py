"""A run as metrics: its journal projected into samples with their own times, for Prometheus and what understands it."""
