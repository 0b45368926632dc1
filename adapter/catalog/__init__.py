"""Which name means what."""
