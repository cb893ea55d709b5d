"""The entry of a verb without a config of its own: words instead of `key=value`. Imports no Hydra."""

import sys
from collections.abc import Callable, Sequence

from seep_lightning.commands.console import prepare_console, print_line, tell
from seep_lightning.commands.verbs import HELP_FLAGS
from seep_lightning.errors import UserError


def run_plain_command(command: str, help_text: str, main: Callable[[Sequence[str]], None]) -> None:
    """Run a verb with the process's command line; a user's mistake is one line and an exit code.

    Args:
        command: The verb.
        help_text: What it is for, with examples.
        main: Its own work, called with the words after it.
    """
    prepare_console()
    arguments = sys.argv[1:]
    if any(argument in HELP_FLAGS for argument in arguments):
        for line in help_text.splitlines():
            print_line(line)
        return
    try:
        main(arguments)
    except UserError as error:
        tell(f"seep {command}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    finally:
        # a reader that is gone is no error
        sys.stdout.flush()
