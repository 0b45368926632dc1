"""Starts vLLM: the machine is looked at, the engine installed, the model fetched, both kept alive.

Standard library only, since it runs before anything is installed. `python3 -m launcher up` is what
`make serve` runs; the containers' commands will stand beside it.
"""
