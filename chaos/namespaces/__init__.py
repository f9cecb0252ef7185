"""The embedded sandbox: builds Linux namespaces around a process and is its PID 1 (stdlib only)."""
