"""A git repository: where it is, its copy here, what a commit holds, notes on commits."""
