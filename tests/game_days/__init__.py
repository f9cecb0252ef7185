"""Game days: what they taught."""
