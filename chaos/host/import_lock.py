"""Imports in threads beside a run, one thread at a time.

Two threads that enter one package by different doors can each meet the other's half of it: rather than wait for each
other for ever, Python gives both a module that is not whole, and one of them fails.
"""

import threading

ONE_AT_A_TIME = threading.Lock()
"""Hold it while you import, in any thread that imports while others may."""
