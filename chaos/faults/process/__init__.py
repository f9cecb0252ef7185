"""What faults on processes have in common: who is who, signals by descriptor, stopping, burning, limits."""
