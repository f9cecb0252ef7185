"""The worker of this machine: what it takes, what it starts, what it cleans up."""
