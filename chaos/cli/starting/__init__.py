"""A first repository of experiments: what `chaoslab init` writes."""
