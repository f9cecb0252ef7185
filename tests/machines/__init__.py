"""Guests: whole machines of other kinds, as ordinary processes."""
