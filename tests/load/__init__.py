"""The benchmark: `make bench`. What it measures, and how, is told in CONTRIBUTING.md."""
