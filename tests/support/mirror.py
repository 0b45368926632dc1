"""What tests that mirror a package are compared by."""

from __future__ import annotations

import ast
from pathlib import Path

_DECIDING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.While, ast.Try)


def below(folder: Path, pattern: str) -> list[str]:
    """Paths below `folder`, from it on."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(pattern))


def test_of(module: str) -> str:
    path = Path(module)
    return str(path.with_name(f"test_{path.name}"))


test_of.__test__ = False  # type: ignore[attr-defined]  # a name, no test


def has_logic(source: bytes) -> bool:
    """Whether it holds a function, or a statement that decides; declarations are no logic."""
    return any(isinstance(node, _DECIDING) for node in ast.walk(ast.parse(source)))
