"""Followed repositories as Prefect and forges show them."""
