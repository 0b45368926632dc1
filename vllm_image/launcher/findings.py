"""What was noticed before the engine starts: warnings, and faults that forbid the start."""

from __future__ import annotations

from dataclasses import dataclass, field

from launcher.errors import CannotRun, LauncherError, TryAgain


@dataclass(frozen=True)
class Fault:
    """`code`: 78 when trying again can't help, 75 when it may."""

    sentence: str
    code: int = CannotRun.code


@dataclass
class Findings:
    warnings: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def refuse(self, sentence: str) -> None:
        self.faults.append(Fault(sentence))

    def not_yet(self, sentence: str) -> None:
        self.faults.append(Fault(sentence, TryAgain.code))

    def add(self, error: LauncherError) -> None:
        self.faults.append(Fault(error.text, error.code))

    @property
    def code(self) -> int:
        """Of the exit: what lasts outweighs what may pass; 0 without faults."""
        return max((fault.code for fault in self.faults), default=0)
