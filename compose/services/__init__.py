"""Retrieval-augmented answers behind the adapter: OPEA's services, in one process or in many."""

import os

__version__ = "0.1.0"

# Read when numpy is imported. A search is bound by memory, which one thread can keep busy; those
# that OpenBLAS would keep beside it spin while they wait, for longer than a search takes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251  # numpy has no other switch
