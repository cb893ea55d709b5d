"""Telling at the terminal what was assumed of scenes; all of it stands in `scenes.csv` besides."""

import logging
from collections.abc import Sequence

from seep_lightning.mapping.table import TABLE_NAME

# Scenes whose notes are told one by one: a folder of chips may hold thousands.
TOLD_SCENES = 5

log = logging.getLogger(__name__)


class NoteTeller:
    """Tells the notes of the first scenes of a call, once for each scene."""

    def __init__(self) -> None:
        self._told = 0

    def tell(self, name: str, notes: Sequence[str]) -> None:
        """Tell the notes of a scene.

        Args:
            name: The scene.
            notes: A text each; none where there is nothing to tell.
        """
        if not notes:
            return
        self._told += 1
        if self._told <= TOLD_SCENES:
            for note in notes:
                log.warning("%s: %s", name, note)
        elif self._told == TOLD_SCENES + 1:
            log.warning("What was assumed of further scenes stands in %s, in the column notes.", TABLE_NAME)
