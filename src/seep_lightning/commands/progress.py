"""A progress bar on the terminal for scenes that are mapped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

ReportPixels = Callable[[int, int], None]
"""Called with the pixels of a scene that are done, and with all of them."""


@contextmanager
def progress_bar(scenes: int) -> Iterator[Callable[[str], ReportPixels]]:
    """Show a bar for each scene in turn: megapixels a second, time left.

    Args:
        scenes: How many scenes there are.

    Yields:
        A function that starts the bar of a scene, given its name, and returns what to call with its progress.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.fields[speed]:.2f} MP/s")
    with Progress("{task.description}", BarColumn(), speed, TimeRemainingColumn(), transient=True) as progress:

        def start(name: str) -> ReportPixels:
            position = len(progress.task_ids) + 1
            task_id = progress.add_task(f"{position}/{scenes} {name}", total=None, speed=0.0)
            bar = progress.tasks[-1]

            def report(done: int, total: int) -> None:
                pixels_a_second = bar.speed or 0
                megapixels_a_second = pixels_a_second / 1e6
                is_going_on = done < total
                progress.update(task_id, completed=done, total=total, speed=megapixels_a_second, visible=is_going_on)

            return report

        yield start
