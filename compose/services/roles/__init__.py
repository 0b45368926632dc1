"""One module for each role: its routes, and nothing but HTTP."""
