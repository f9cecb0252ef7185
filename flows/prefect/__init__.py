"""What our flows need of Prefect: states, logs, progress, limits, the kill switch."""
