"""Run the keeper of one sandbox: `python -S -P -m chaos.namespaces SPEC.json`."""

from chaos.namespaces.keeper import main

main()
