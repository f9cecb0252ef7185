"""Templates of strangers, rendered by a process of its own that has little time, little memory and no keys."""
