"""The door of our Prefect server: who may come in, and by which way.

Prefect itself answers any host name, any origin and whoever reaches its port. docs/decisions/0030 says why this is in
front of it, and why a secret.
"""
