"""The checks of a healthy stack. Standard library only; Python 3.11 or newer."""
