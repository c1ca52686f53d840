"""The version, in one place; looking it up in the installed metadata would take a fifth of a short command's time."""

__version__ = "0.5.0"
