"""Labels that are probably wrong, for a person to answer: `python -m seep_lightning.review runs=FOLDS output=DIR`."""

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from seep_lightning import api
from seep_lightning.commands.callable_modules import make_callable
from seep_lightning.commands.composition import typed_config
from seep_lightning.commands.console import tell
from seep_lightning.commands.entry import run_command
from seep_lightning.config.commands import ReviewConfig

if TYPE_CHECKING:
    from seep_lightning.labelling.review import WrittenReview


def main(cfg: DictConfig) -> int:
    """Do the job of one `seep review`.

    Args:
        cfg: The composed config.

    Returns:
        How many labels are listed.
    """
    from seep_lightning.labelling.review import review

    config: ReviewConfig = typed_config(cfg)
    written = review(config)
    tell_review(written)
    return written.listed


def tell_review(written: "WrittenReview") -> None:
    """Print what was judged and found, and how to go on.

    Args:
        written: The review.
    """
    from seep_lightning.labelling.suspect_kinds import KINDS

    tell(f"judged {written.judged}")
    for kind in KINDS.values():
        tell(f"  {written.found[kind.name]:>6} {kind.plural}")
    if written.listed < sum(written.found.values()):
        tell(f"listed are the {written.listed} that would change the loss most (most=)")
    tell(f"answer them in a browser: {written.page} (or in QGIS: {written.layer}, column answer)")
    tell("then: python -m seep_lightning.prepare review=review-answers.csv output=corrected")


make_callable(__name__, api.review)

if __name__ == "__main__":
    run_command("review", main)
