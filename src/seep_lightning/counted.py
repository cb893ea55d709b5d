"""How many of many things are done, in a line now and then: for logs, and for outputs that are no terminal."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from seep_lightning.durations import in_words

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10
"""What is done sooner tells nothing."""

Item = TypeVar("Item")


class DoneTeller:
    """Logs `scored 120 of 634 chips, 40 s left` every ten seconds while something goes on."""

    def __init__(self, verb: str, total: int, things: str) -> None:
        """Start the clock.

        Args:
            verb: What is done with them, such as `scored`.
            total: How many there are.
            things: What they are, such as `chips`.
        """
        self._verb = verb
        self._total = total
        self._things = things
        self._started = self._told = time.monotonic()

    def tell(self, done: float, before: float = 0) -> None:
        """Log how far it is, where it was not told for a while.

        Args:
            done: How many are done; a fraction counts a thing that is under way.
            before: How many of them took no time, because an earlier call did them.
        """
        now = time.monotonic()
        if before < done < self._total and now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            left = (now - self._started) * (self._total - done) / (done - before)
            log.info("%s %s, %s left", self._verb, self._amount(done), in_words(left))

    def _amount(self, done: float) -> str:
        """How many of them are done."""
        return f"{int(done)} of {self._total} {self._things}"


class ShareTeller(DoneTeller):
    """Logs `mapped 75 % of scene.tif, 40 s left`: how much of one thing is done."""

    def __init__(self, verb: str, thing: str) -> None:
        """Start the clock; `tell` takes hundredths.

        Args:
            verb: What is done with it.
            thing: Its name.
        """
        super().__init__(verb, 100, thing)

    def _amount(self, done: float) -> str:
        return f"{int(done)} % of {self._things}"


def counted(items: Sequence[Item], verb: str, things: str) -> Iterator[Item]:
    """Things one after another, and a line now and then about how many are done.

    Args:
        items: The things.
        verb: What is done with each.
        things: What they are.

    Yields:
        Each of them.
    """
    teller = DoneTeller(verb, len(items), things)
    for number, item in enumerate(items, start=1):
        yield item
        teller.tell(number)
