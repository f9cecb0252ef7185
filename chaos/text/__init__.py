"""Texts of others: made inert, masked, searched in linear time. Standard library only."""
