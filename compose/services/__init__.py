"""Retrieval-augmented answers behind the adapter: OPEA's services, in one process or in many."""

__version__ = "0.1.0"
