"""`seep VERB ...` and `python -m seep_lightning VERB ...`: the same as `python -m seep_lightning.VERB ...`."""

import platform
import runpy
import sys
from difflib import get_close_matches

from seep_lightning import __version__
from seep_lightning.commands.verbs import HELP_FLAGS, VERBS
from seep_lightning.working_folder import look_into_working_folder_last

VERSION_FLAGS = ("-V", "--version")


def main() -> None:
    """Run the verb that the command line names, with the rest of the command line."""
    verb, *arguments = sys.argv[1:] or ["--help"]
    if verb == "help":
        # `seep help VERB` is `seep VERB --help`
        verb, *arguments = [*arguments[:1], "--help"]
    if verb in HELP_FLAGS:
        print_usage()
    elif verb in VERSION_FLAGS:
        print_version()
    elif verb in VERBS:
        run_verb(verb, arguments)
    else:
        print(unknown_verb(verb), file=sys.stderr)
        sys.exit(2)


def run_verb(verb: str, arguments: list[str]) -> None:
    """Run the module of a verb as a program.

    Args:
        verb: One of `VERBS`.
        arguments: The rest of the command line.
    """
    sys.argv[1:] = arguments
    look_into_working_folder_last(verb)
    # as `__main__`, so that DDP's other processes find the module by its name
    module = VERBS[verb].module or verb
    runpy.run_module(f"seep_lightning.{module}", run_name="__main__", alter_sys=True)


def print_usage() -> None:
    """Print the verbs and what each is for."""
    print("usage: seep VERB [key=value ...]      (seep help VERB lists its keys; seep --version)\n")
    for name, verb in VERBS.items():
        print(f"  {name:10} {verb.purpose}")


def print_version() -> None:
    """Print which version this is, of which Python, and where it lies."""
    folder = __file__.removesuffix("__main__.py").rstrip("/\\")
    print(f"seep_lightning {__version__} (Python {platform.python_version()}, {folder})")


def unknown_verb(verb: str) -> str:
    """What to tell about a word that is no verb, in one line.

    Args:
        verb: The word.
    """
    near = get_close_matches(verb, VERBS, 1)
    suggestion = f"Did you mean {near[0]}? " if near else ""
    return f"seep: there is no verb {verb!r}. {suggestion}The verbs are {', '.join(VERBS)}."


if __name__ == "__main__":
    main()
