"""What faults share of Linux: mounts and block I/O."""
