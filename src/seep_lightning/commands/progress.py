"""Scenes or chips to maps: `python -m seep_lightning.predict`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(scenes: int) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """A bar on the terminal for each scene in turn: megapixels a second, time left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.fields[speed]:.2f} MP/s")
    with Progress("{task.description}", BarColumn(), speed, TimeRemainingColumn(), transient=True) as progress:

        def start(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(f"{len(progress.task_ids) + 1}/{scenes} {name}", total=None, speed=0.0)
            mine = progress.tasks[-1]
            return lambda done, total: progress.update(
                task, completed=done, total=total, speed=(mine.speed or 0) / 1e6, visible=done < total
            )

        yield start
