"""What /api/show tells where the engine does not: clients need some text there."""

from __future__ import annotations

UNKNOWN = "unknown"
TEMPLATE = "{{ .Prompt }}"
"""Where the engine applies the model's own chat template."""
FIM_TEMPLATE = "{{ .Prompt }}{{ if .Suffix }}{{ .Suffix }}{{ end }}"
"""The same of a model that fills gaps: clients look for the word .Suffix."""
OWN_TEMPLATES = (TEMPLATE, FIM_TEMPLATE)
