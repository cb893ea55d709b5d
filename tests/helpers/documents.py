"""The code of our documents, so that tests can run it."""

import re
from pathlib import Path

from helpers.paths import ROOT


def code_blocks(document: str, section: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block in the section of a document, such as ("python", "import ...")."""
    text = (ROOT / "docs" / document).read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    matching = [part for part in sections if part.startswith(f"{section}\n")]
    assert len(matching) == 1, f"{document} has {len(matching)} sections named {section}"
    return re.findall(r"^```(\w+)\n(.*?)^```", matching[0], flags=re.MULTILINE | re.DOTALL)


def write_blocks(document: str, section: str, folder: Path) -> None:
    """Write each block of a section whose first line is `# FILE` to that file below a folder."""
    for _, text in code_blocks(document, section):
        named = re.match(r"# ([\w./-]+\.\w+)\n", text)
        if named:
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            # Hydra reads `# @package` in the first line only
            path.write_text(text.partition("\n")[2])
