"""The error for a document that is not what its reader expects."""

from seep_lightning.errors import UserError


def damaged(problem: str, advice: str) -> UserError:
    """The error for a damaged document.

    Args:
        problem: File, where in it, what was found, what was expected; without a full stop.
        advice: What to do, a sentence; empty for none.
    """
    return UserError(f"{problem}. {advice}".rstrip())
