"""``python -m lpack``."""

from .cli import main

main()
