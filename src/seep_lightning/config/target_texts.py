"""What the docstring of a class of ours says of its arguments, read from its source: an import would bring torch."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OURS = "seep_lightning."
SECTION = re.compile(r"^(?:Args|Attributes):\n((?: .*\n?|\n)*)", re.MULTILINE)
ENTRY = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def described_names(docstring: str) -> dict[str, str]:
    """The names in the sections `Args` and `Attributes` of a docstring, each with its text in one line.

    Args:
        docstring: In Google's form, without the indentation of the source.

    Returns:
        The texts, with `null` for None, as a config has it.
    """
    entries = [entry for section in SECTION.findall(docstring) for entry in ENTRY.findall(section)]
    return {name: re.sub(r"\bNone\b", "null", " ".join(text.split())) for name, text in entries}


@cache
def argument_texts(target: str) -> Mapping[str, str]:
    """What is said of each argument of a class or function.

    Args:
        target: Its dotted name, such as `seep_lightning.nets.unet.UNet`.

    Returns:
        The texts by argument; empty for what is not ours, or not found.
    """
    module, _, name = target.rpartition(".")
    spec = find_spec(module) if target.startswith(OURS) else None
    if spec is None or spec.origin is None:
        return {}
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return _texts_in(node)
    return {}


def _texts_in(node: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """What the docstrings of a class, or of its constructor, say of arguments."""
    inits = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
    documented: list[ast.ClassDef | ast.FunctionDef] = [node, *inits]
    texts: dict[str, str] = {}
    for item in documented:
        texts |= described_names(ast.get_docstring(item) or "")
    return texts
