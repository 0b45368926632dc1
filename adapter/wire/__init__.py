"""The fields of both protocols, and nothing else."""
