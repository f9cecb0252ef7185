"""Commands of `chaoslab` that need Prefect; one file a verb."""
