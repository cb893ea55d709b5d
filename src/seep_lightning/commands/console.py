r"""What a command says: one line a time, without codes that a terminal would obey, and with or without a reader.

Names of files, settings of a run and values in it may hold such codes, whoever wrote them. All that a command prints
goes through `tell`, `print_line` or `tables.print_table`, all that it logs through `PrintableRecord`.

On a terminal, lines are broken between words; in a file they stay whole.
"""

import io
import logging
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from seep_lightning.errors import printable

# other libraries log tables
_ENDS_OF_LINES = ("\n", "\t")
_OURS = "seep_lightning"
# columns of a file: more than a table has
UNLIMITED = 10_000


# a command that ends a line: it is to be pasted
_COMMAND = re.compile(r"(?<=: )\s*(?=python -m seep_lightning\.)")
# blanks outside of quotes
_BETWEEN_ARGUMENTS = re.compile(r"""\s+(?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
_INDENT = "  "


def tell(text: object, *, file: TextIO | None = None) -> None:
    r"""Print one line; what would move the cursor, colour it or end the line shows as `\x1b` and the like.

    Args:
        text: The line, for a person.
        file: Where to; None: the standard output.
    """
    stream = sys.stdout if file is None else file
    line = printable(text)
    print(for_terminal(line) if stream.isatty() else line, file=file)


def print_line(text: object) -> None:
    """Print one line as `tell` does, but whole on a terminal, too: a line of JSON, CSV or YAML."""
    print(printable(text))


def for_terminal(line: str) -> str:
    """A line, broken between words where it is wider than the terminal.

    A command at its end stands below the rest, broken so that a shell takes it as one.

    Args:
        line: The line.
    """
    width = shutil.get_terminal_size().columns
    if len(line) <= width:
        return line
    text, *commands = _COMMAND.split(line, maxsplit=1)
    broken = _broken(text.rstrip(), width)
    return "\n".join([broken, *(_broken_command(command, width) for command in commands)])


def _broken(text: str, width: int) -> str:
    """A text in lines of a width, further lines as far in as the first."""
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _broken_command(command: str, width: int) -> str:
    """A command, broken between its arguments."""
    first, *arguments = _BETWEEN_ARGUMENTS.split(command)
    lines = [f"{_INDENT}{first}"]
    for argument in arguments:
        # room for the mark that a line goes on
        if len(lines[-1]) + len(argument) + 3 <= width:
            lines[-1] += f" {argument}"
        else:
            lines.append(f"{_INDENT}{_INDENT}{argument}")
    return " \\\n".join(lines)


class _TerminalFormatter(logging.Formatter):
    """Another formatter's text, broken for the terminal; a table or a traceback of several lines stays."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        text = self._formatter.format(record)
        return text if "\n" in text else for_terminal(text)


def break_logs_for_terminal() -> None:
    """Let logs be broken between words where they go to a terminal."""
    for handler in logging.getLogger().handlers:
        # a file that nothing was written into yet has none
        stream = getattr(handler, "stream", None)
        if stream is not None and stream.isatty() and not isinstance(handler.formatter, _TerminalFormatter):
            handler.setFormatter(_TerminalFormatter(handler.formatter))


class PrintableRecord(logging.LogRecord):
    """A record of a log whose message holds no codes: one line if it is ours."""

    def getMessage(self) -> str:
        """The message, printable."""
        message = super().getMessage()
        if self.name.partition(".")[0] == _OURS:
            return printable(message)
        return "".join(letter if letter in _ENDS_OF_LINES else printable(letter) for letter in message)


def terminal() -> Any:
    """The standard output as rich writes to it: as wide as its text needs where it is no terminal.

    Returns:
        A `rich.console.Console`; one that writes no codes where `NO_COLOR` or `TERM=dumb` say so.
    """
    from rich.console import Console

    is_plain = not takes_codes()
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if has_width else UNLIMITED
    return Console(width=width, color_system=None if is_plain else "auto")


def takes_codes() -> bool:
    """Whether the standard output is a terminal whose user wants it coloured and moved about."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


@contextmanager
def logs_through(stream: TextIO, other: TextIO) -> Iterator[None]:
    """Let logs that go to one stream go to another for a while, as above a bar.

    Args:
        stream: The one.
        other: The other.
    """
    handlers = [handler for handler in logging.getLogger().handlers if getattr(handler, "stream", None) is stream]
    changed = [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]
    for handler in changed:
        handler.setStream(other)
    try:
        yield
    finally:
        for handler in changed:
            handler.setStream(stream)


def prepare_console() -> None:
    """Let all logs be printable, and let no command end because nobody reads on, as after `| head -1`."""
    logging.setLogRecordFactory(PrintableRecord)
    sys.stdout = _without_need_of_readers(sys.stdout)
    sys.stderr = _without_need_of_readers(sys.stderr)


def log_to_stderr() -> None:
    """Let what is logged from here on stand beside the output, which is for a program."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


def _without_need_of_readers(stream: Any) -> Any:
    """The same stream, for which it is no error that its reader is gone; one of a notebook or a test stays."""
    buffer = getattr(stream, "buffer", None)
    # without a buffer of its own where PYTHONUNBUFFERED says so
    raw = getattr(buffer, "raw", buffer)
    if type(stream) is not io.TextIOWrapper or type(raw) is not io.FileIO:
        return stream
    stream.flush()
    output: Any = _Output(stream.fileno(), "wb", closefd=False)
    # the replaced stream would close the file when it is collected
    output.replaced = stream
    return io.TextIOWrapper(
        output if raw is buffer else io.BufferedWriter(output),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Output(io.FileIO):
    """A stream of this process that goes on into nothing where its reader is gone."""

    def write(self, content: Any, /) -> int:
        """Write bytes; returns how many."""
        try:
            return super().write(content)
        except BrokenPipeError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            return super().write(content)
