"""``python -m twoarm``."""

from twoarm.cli import main

main()
