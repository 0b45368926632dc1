"""What a template may cost, and the one error that everything wrong with it ends in."""

from __future__ import annotations

from adapter.errors import BadRequest

LONGEST_TEMPLATE = 64 * 1024
"""Characters. Templates in use have up to ten thousand or two."""

DEEPEST = 60
"""Controls and parentheses inside one another, and levels of a tool's JSON."""

MOST_STEPS = 250_000
"""Nodes walked and values looked up or printed in one rendering; 80 a message is a lot."""

MOST_CHARACTERS = 32 * 1024 * 1024
"""Characters written, made or searched in one rendering."""

LONGEST_EXCERPT = 200


class TemplateError(BadRequest):
    """The template can't be read or rendered; the text begins with `template: `, as Go's do."""

    # Ollama answers 500 to a bad template.
    status = 500


class Budget:
    """The work that is left to one rendering.

    Raises:
        TemplateError: from any method, when there is none left.
    """

    def __init__(self) -> None:
        self._steps = MOST_STEPS
        self._characters = MOST_CHARACTERS

    def step(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0:
            raise TemplateError(f"template: : takes more than {MOST_STEPS} steps")

    def spend(self, characters: int) -> None:
        self._characters -= characters
        if self._characters < 0:
            raise TemplateError(f"template: : makes more than {MOST_CHARACTERS} characters")


def excerpt(text: str) -> str:
    """As much of a text as an error message needs."""
    return text if len(text) <= LONGEST_EXCERPT else text[:LONGEST_EXCERPT] + "..."
