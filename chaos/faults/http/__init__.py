"""HTTP between the app and its clients: read it, pass it on, tamper with it."""
