"""The only incoming HTTP."""
