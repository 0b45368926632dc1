"""Not vLLM: what the launcher looks for in its package."""
