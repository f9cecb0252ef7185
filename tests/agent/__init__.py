"""The program inside the sandbox, tested outside of one."""
