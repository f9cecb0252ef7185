"""Notices to people: their text, their form for each receiver, and sending that never affects a run."""
