"""`python -m nixgen` is `nixgen`."""

from nixgen.cli.main import main

main()
