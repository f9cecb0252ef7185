"""`python -m tests.doubles.e2b OPTIONS`."""

from tests.doubles.e2b.server import main

main()
