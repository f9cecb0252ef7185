"""Ways for a push to reach us at once: a git hook, a forge's webhook."""
