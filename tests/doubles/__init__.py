"""Servers that stand in for the vendors': they speak the real wire protocol to the real clients."""
