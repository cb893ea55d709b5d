"""The Processing scripts for QGIS, copied to where QGIS looks for them."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seep_lightning.config.commands import QgisConfig
from seep_lightning.errors import UserError, shortened, writing_to
from seep_lightning.files import remove_leftovers, write_text

SOURCES = Path(__file__).resolve().parents[1] / "qgis_scripts"
# the folder of ours among an analyst's own scripts
FOLDER_NAME = "seep_lightning"
SETTINGS_NAME = "seep_lightning.json"
# below the folder that the operating system has for settings
VERSIONS = ("QGIS4", "QGIS3")
SCRIPTS_OF_PROFILE = Path("profiles", "default", "processing", "scripts")


@dataclass(frozen=True)
class InstalledScripts:
    """What was installed.

    Attributes:
        folders: Where the scripts lie, each in one version's profile.
        python: The Python that they run.
    """

    folders: tuple[Path, ...]
    python: Path


def install_scripts(config: QgisConfig) -> InstalledScripts:
    """Copy the scripts, and write down which Python they run.

    Args:
        config: The settings of the command.

    Raises:
        UserError: The Python is not there, or other files would be replaced.
        DiskError: A folder cannot be written.
    """
    # not resolved: in an environment it is a link, and only its own place makes it find the packages
    python = Path(config.python or sys.executable).absolute()
    if not python.is_file():
        raise UserError(f"python={config.python}: there is no such file. Expected .venv/bin/python or the like.")
    parents = [Path(config.scripts)] if config.scripts else scripts_folders(settings_folder())
    files = _files(python)
    folders = tuple(parent.absolute() / FOLDER_NAME for parent in parents)
    for folder in folders:
        remove_leftovers(folder)
        _check_replaceable(folder, files, overwrite=config.overwrite)
    for folder in folders:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text)
    return InstalledScripts(folders, python)


def _files(python: Path) -> dict[str, str]:
    """The files by name."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.py"))}
    files[SETTINGS_NAME] = json.dumps({"python": str(python)}) + "\n"
    return files


def _check_replaceable(folder: Path, files: Mapping[str, str], *, overwrite: bool) -> None:
    """Raise `UserError` where a file of other content would be replaced."""
    if overwrite:
        return
    others = [name for name, text in files.items() if _differs(folder / name, text)]
    if others:
        raise UserError(
            f"{folder} holds other versions of {shortened(others)}: an older installation, or changes of your own. "
            "Replace them with overwrite=true, or choose another folder with scripts=."
        )


def _differs(path: Path, text: str) -> bool:
    """Whether a file is there with another content."""
    return path.exists() and path.read_bytes() != text.encode()


def settings_folder() -> Path:
    """The folder in which QGIS keeps its profiles, on this operating system."""
    match sys.platform:
        case "win32":
            return Path(os.environ.get("APPDATA", Path.home())) / "QGIS"
        case "darwin":
            return Path.home() / "Library" / "Application Support" / "QGIS"
        case _:
            home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
            return Path(home) / "QGIS"


def scripts_folders(settings: Path) -> list[Path]:
    """The folders of scripts in the default profiles that are there; that of QGIS 3 where there is none.

    Args:
        settings: See `settings_folder`.
    """
    versions = [version for version in VERSIONS if (settings / version).is_dir()]
    return [settings / version / SCRIPTS_OF_PROFILE for version in versions or ["QGIS3"]]
