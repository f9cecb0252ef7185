"""Our Prefect server, or the one that is configured: where it is, how it is started, who may come in."""
