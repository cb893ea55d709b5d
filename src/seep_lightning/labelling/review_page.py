"""The page of a review: one HTML file that needs no network, to go through the suspects by keys or by mouse."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from seep_lightning import reporting
from seep_lightning.labelling.review_file import ListedLabel, ReviewFile
from seep_lightning.labelling.review_pictures import LABEL_COLOUR, NETWORK_COLOUR
from seep_lightning.labelling.suspect_kinds import KINDS, Answer

HERE = Path(__file__).parent
# the look of all pages
LOOK = Path(reporting.__path__[0])


def page_text(review: ReviewFile, pictures: Sequence[Sequence[Markup]], folder: Path) -> str:
    """The page.

    Args:
        review: What was found.
        pictures: Two data URIs for each candidate.
        folder: Where the review lies, by which its answers are known.

    Returns:
        HTML with all that it needs.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader([HERE, LOOK]), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    # keep, drop, redraw, unsure: as they are declared
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    rows = [_row(*pair) for pair in zip(review.candidates, pictures, strict=True)]
    data = {"id": review.id, "folder": str(folder.absolute()), "candidates": rows}
    colours = {"label": LABEL_COLOUR, "network": NETWORK_COLOUR}
    return environment.get_template("review.html.j2").render(
        review=review,
        name=folder.absolute().name,
        data=data,
        kinds=KINDS,
        answers=[answer.value for answer in Answer],
        colours=colours,
        runs=[Path(run).name for run in review.runs],
        made=datetime.now(),
    )


def _row(candidate: ListedLabel, pictures: Sequence[Markup]) -> dict[str, Any]:
    """What the page shows of a candidate."""
    return {
        "number": candidate.number,
        "kind": candidate.kind,
        "scene": candidate.scene,
        "title": KINDS[candidate.kind].title,
        "place": f"scene {candidate.scene}",
        "reason": candidate.reason,
        "choices": candidate.choices,
        "pictures": [str(picture) for picture in pictures],
        "facts": {
            "loss": f"{candidate.loss_change:,.0f} nats less if it were corrected",
            "probability": f"{candidate.p_mean:.2f} on average",
            "area": f"{candidate.area:,} px",
            "rows": f"{candidate.top} to {candidate.bottom}",
            "columns": f"{candidate.left} to {candidate.right}",
            "middle": f"{candidate.x:g}, {candidate.y:g}",
            "chips": ", ".join(candidate.chips),
            "judged by": candidate.judged_by,
        },
    }
