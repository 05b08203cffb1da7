"""`python -m vadkit`."""

from vadkit.app import main

main()
