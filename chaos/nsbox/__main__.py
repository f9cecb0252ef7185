"""Run the keeper of one sandbox: `python -S -P -m chaos.nsbox SPEC.json`."""

from chaos.nsbox.keeper import main

main()
