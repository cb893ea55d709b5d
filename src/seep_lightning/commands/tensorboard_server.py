"""TensorBoard in this process: only plugins of installed packages, and no address that others can reach.

The program `tensorboard` beside it, and `python -m tensorboard.main`, look for modules in the folder where they are
started.
"""

import io
import logging
import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

from seep_lightning.config.commands import TensorboardConfig
from seep_lightning.documents.regular_files import entries_below
from seep_lightning.errors import UserError

log = logging.getLogger(__name__)

# not localhost, which may be two addresses: a second server would take the other one at the same port
HOST = "127.0.0.1"
EVENTS = "events.out.tfevents."
"""How the names of TensorBoard's files begin."""


def holds_curves(folder: Path) -> bool:
    """Whether TensorBoard has anything to show at or below a folder."""
    return any(path.name.startswith(EVENTS) for path in entries_below(folder))


def launch(config: TensorboardConfig) -> str:
    """Start the server in a thread of this process.

    Args:
        config: The settings of the command.

    Returns:
        The address of the page.

    Raises:
        UserError: There is no such folder, or the port is taken.
    """
    folder = Path(config.run)
    if not folder.is_dir():
        raise UserError(f"run={config.run}: there is no such folder. Expected a run, or a folder of runs.")
    if not holds_curves(folder):
        log.info("run=%s: there are no curves yet; the page shows them as soon as a training writes some", config.run)
    from tensorboard import program

    # Windows may know another type from its registry, with which browsers refuse scripts
    mimetypes.add_type("text/javascript", ".js")
    server = program.TensorBoard()
    arguments = ["seep", "--logdir", str(folder.absolute()), "--host", HOST]
    if config.port is not None:
        arguments += ["--port", str(config.port)]
    server.configure(arguments)
    try:
        with _without_its_notes():
            return str(server.launch())
    except program.TensorBoardServerException as error:
        raise UserError(f"port={config.port}: TensorBoard cannot start there ({error.msg.strip()}).") from error


@contextmanager
def _without_its_notes() -> Iterator[None]:
    """Keep what TensorBoard tells of its own parts from a user; its errors are raised."""
    try:
        # which its other process, started here, goes by as well
        logging.disable(logging.INFO)
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def wait_for_ctrl_c() -> None:
    """Wait until a person ends the command, which is no failure."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
