"""YAML files: bounded, read with line and column of every key."""
