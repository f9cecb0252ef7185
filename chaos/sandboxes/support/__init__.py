"""What providers share: the verbs of a sandbox, and one way to speak to a PID 1 of ours."""
