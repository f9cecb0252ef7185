"""Worker of this machine: which runs it accepts, what it starts, what it cleans up."""
