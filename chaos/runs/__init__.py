"""State of runs on disk: directory, journal, active runs, semaphore, cancellation, kill switch."""
