"""Bars on the terminal, of scenes that are mapped and of epochs; and lines for a program that runs us, such as QGIS."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seep_lightning.commands.console import logs_through, takes_codes, terminal
from seep_lightning.counted import DoneTeller, ShareTeller
from seep_lightning.errors import printable

ReportPixels = Callable[[int, int], None]
"""Called with the pixels of a scene that are done, and with all of them."""


Bar = Callable[[int, str], None]
"""Called with how much is done, and with what stands before the bar from now on."""

LINES_VARIABLE = "SEEP_LIGHTNING_LINES"
"""With 1 in the environment, a line is printed for each percent and for each file of outlines."""
PROGRESS_MARK = "seep_lightning:progress="
FILE_MARK = "seep_lightning:file="


def wants_lines() -> bool:
    """Whether a program reads along."""
    return os.environ.get(LINES_VARIABLE) == "1"


def tell_file(path: Path) -> None:
    """Print the line about a file of outlines, where a program reads along."""
    if wants_lines():
        print(f"{FILE_MARK}{path}", flush=True)


def shows_bars() -> bool:
    """Whether a bar would be seen: on a terminal that takes codes, or in a notebook; not by a program."""
    return not wants_lines() and (takes_codes() or "ipykernel" in sys.modules)


@contextmanager
def one_bar(name: str, total: int) -> Iterator[Bar]:
    """Show one bar that goes when it is done; logs and prints go above it.

    Args:
        name: Stands before it.
        total: What is to be done.

    Yields:
        What to call with the progress.
    """
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # a tenth of a second finer would cost a tiny network's training a percent
    progress = Progress(*columns, console=terminal(), transient=True, refresh_per_second=2)
    before = sys.stdout
    with progress, logs_through(before, sys.stdout):
        task = progress.add_task(escape(printable(name)), total=total)

        def update(done: int, text: str) -> None:
            progress.update(task, completed=done, description=escape(printable(text)))

        yield update


@contextmanager
def progress_of(scenes: int, verb: str = "mapped") -> Iterator[Callable[[str], ReportPixels]]:
    """Tell how far the work on scenes is: by lines where a program reads along or there is no terminal, else by bars.

    Args:
        scenes: How many scenes there are.
        verb: What is done with them.

    Yields:
        A function that starts a scene, given its name, and returns what to call with its progress.
    """
    if wants_lines():
        yield ProgressLines(scenes).start
        return
    if not shows_bars():
        yield ScenesTeller(scenes, verb).start
        return
    with progress_bar(scenes, verb) as start:
        yield start


class ProgressLines:
    """Prints the percentage of all scenes that is done, each whole percent once.

    Args:
        scenes: How many scenes there are.
    """

    def __init__(self, scenes: int) -> None:
        self.scenes = scenes
        self.started = 0
        self.printed = -1

    def start(self, name: str) -> ReportPixels:
        """Start the next scene; `name` is for people and not printed."""
        before = self.started
        self.started += 1

        def report(done: int, total: int) -> None:
            percent = int(100 * (before + done / max(total, 1)) / self.scenes)
            if percent > self.printed:
                print(f"{PROGRESS_MARK}{percent}", flush=True)
                self.printed = percent

        return report


class ScenesTeller:
    """Logs a line now and then about how many scenes are done.

    Args:
        scenes: How many scenes there are.
        verb: What is done with them.
    """

    def __init__(self, scenes: int, verb: str = "mapped") -> None:
        self._scenes = scenes
        self._verb = verb
        self._started = 0
        # scenes, and shares of scenes, that an earlier call did
        self._before = 0.0
        self._is_silent = False
        self._all = DoneTeller(verb, scenes, "scenes")

    def start(self, name: str) -> ReportPixels:
        """Start the next scene; of a single one, its share in hundredths is told.

        A scene that reports nothing was finished before; what the first report of a scene has done, too.
        """
        whole = self._started
        self._started += 1
        self._before += self._is_silent
        self._is_silent = True
        only = ShareTeller(self._verb, name) if self._scenes == 1 else None

        def report(done: int, total: int) -> None:
            share = done / max(total, 1)
            if self._is_silent and share < 1:
                self._before += share
            self._is_silent = False
            if only is not None:
                only.tell(100 * share, 100 * self._before)
            else:
                self._all.tell(whole + share, self._before)

        return report


@contextmanager
def progress_bar(scenes: int, verb: str = "mapped") -> Iterator[Callable[[str], ReportPixels]]:
    """Show a bar for each scene in turn: megapixels a second, time left. Of several scenes, lines stay above it.

    Args:
        scenes: How many scenes there are.
        verb: What is done with them.

    Yields:
        A function that starts the bar of a scene, given its name, and returns what to call with its progress.
    """
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.fields[speed]:.2f} MP/s")
    columns = ("{task.description}", BarColumn(), speed, TimeRemainingColumn())
    lines = ScenesTeller(scenes, verb) if scenes > 1 else None
    before = sys.stdout
    with Progress(*columns, console=terminal(), transient=True) as progress, logs_through(before, sys.stdout):

        def start(name: str) -> ReportPixels:
            position = len(progress.task_ids) + 1
            task_id = progress.add_task(f"{position}/{scenes} {escape(printable(name))}", total=None, speed=0.0)
            bar = progress.tasks[-1]
            report_line = None if lines is None else lines.start(name)

            def report(done: int, total: int) -> None:
                if report_line is not None:
                    report_line(done, total)
                pixels_a_second = bar.speed or 0
                megapixels_a_second = pixels_a_second / 1e6
                is_going_on = done < total
                progress.update(task_id, completed=done, total=total, speed=megapixels_a_second, visible=is_going_on)

            return report

        yield start
