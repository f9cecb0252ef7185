"""Tests of the door of our Prefect server."""
