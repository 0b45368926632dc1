"""Both protocols and nothing else: no I/O, no clock, no logger. Time comes in as an argument."""
