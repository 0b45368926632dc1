"""The part of Go's text/template that Ollama's templates use: text → tree → prompt.

Pure, and bounded: a template comes from a client, and a hostile one ends in a TemplateError soon.
"""

from adapter.translate.gotemplate.limits import TemplateError
from adapter.translate.gotemplate.template import Template, parse

__all__ = ["Template", "TemplateError", "parse"]
