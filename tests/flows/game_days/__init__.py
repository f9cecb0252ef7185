"""Game days through Prefect, with a server of their own."""
