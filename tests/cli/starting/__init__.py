"""A first repository of experiments."""
