"""What an audit says: lines, each with how bad it is."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a trap is; the worst first."""

    STOPS = "stops a training"
    MEANINGLESS = "makes figures meaningless"
    WORTH_KNOWING = "worth knowing"


@dataclass(frozen=True)
class Finding:
    """A line of the audit.

    Attributes:
        severity: How bad it is.
        text: What was found, why it matters, what to do: one line.
    """

    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.text}"
