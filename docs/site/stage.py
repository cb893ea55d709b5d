"""Lay out the pages of the documentation site: `python docs/site/stage.py build/site`, then zensical builds them.

The texts stay where people look for them in a checkout: README.md, docs/, the networks' card. A link between them turns
into a link between pages. A link to a file that is no page, such as a module, keeps its text only.
"""

import re
import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "docs" / "site" / "zensical.toml"
# pages that do not lie in docs/
OTHER_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "docs/site/functions.md": "functions.md",
    "src/seep_lightning/weights/README.md": "network-card.md",
}
PICTURES = ("*.png", "*.svg")
CODE = r"^```.*?^```|`[^`\n]+`"
LINK = r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)"
CODE_OR_LINK = re.compile(f"{CODE}|{LINK}", re.MULTILINE | re.DOTALL)


def page_names() -> dict[Path, str]:
    """Name of the page on the site by the file that it is made from."""
    pages = {path: path.name for path in sorted((ROOT / "docs").glob("*.md"))}
    return pages | {ROOT / source: name for source, name in OTHER_PAGES.items()}


def pictures() -> list[Path]:
    """All pictures that pages show."""
    return [path for pattern in PICTURES for path in sorted((ROOT / "docs").glob(pattern))]


def with_links_of_the_site(text: str, source: Path, names: dict[Path, str]) -> str:
    """Turn the links of a text into links of the site.

    Args:
        text: Markdown.
        source: The file that it comes from.
        names: Name on the site by file.

    Returns:
        The text; code in it stays as it is.

    Raises:
        SystemExit: A link leads nowhere.
    """

    def replaced(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or target.startswith(("#", "http:", "https:", "mailto:")):
            return found[0]
        path, _, anchor = target.partition("#")
        file = (source.parent / path).resolve()
        if not file.exists():
            raise SystemExit(f"{source.relative_to(ROOT)}: there is no {target}")
        if file not in names:
            return found["text"]
        return f"[{found['text']}]({names[file]}{'#' + anchor if anchor else ''})"

    return CODE_OR_LINK.sub(replaced, text)


def listed_pages(entry: object) -> set[str]:
    """All pages below an entry of the site's menu."""
    if isinstance(entry, str):
        return {entry}
    parts = entry.values() if isinstance(entry, dict) else entry
    return set().union(*(listed_pages(part) for part in parts))


def stage(folder: Path) -> None:
    """Write the pages, their pictures and the site's config below an empty folder.

    Args:
        folder: It is emptied first.

    Raises:
        SystemExit: A link leads nowhere, or the menu lacks a page.
    """
    pages = page_names()
    missing = set(pages.values()) - listed_pages(tomllib.loads(CONFIG.read_text())["project"]["nav"])
    if missing:
        raise SystemExit(f"{CONFIG.relative_to(ROOT)}: nav lacks {', '.join(sorted(missing))}")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pages").mkdir(parents=True)
    names = pages | {path: path.name for path in pictures()}
    for source, name in pages.items():
        (folder / "pages" / name).write_text(with_links_of_the_site(source.read_text(), source, names))
    for path in pictures():
        shutil.copy(path, folder / "pages")
    shutil.copy(CONFIG, folder)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
