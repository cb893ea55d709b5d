"""The command `export`: a run's network as one file."""

import json
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from seep_lightning.config.commands import ExportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.config.trust import trusting_its_config
from seep_lightning.documents.json_files import read_json
from seep_lightning.errors import UserError, writing_to
from seep_lightning.files import draft_of, remove_leftovers, write_text
from seep_lightning.locks import lock_path, locked
from seep_lightning.predictor.export_source import ExportOptions, source_of
from seep_lightning.predictor.formats import QGIS, ExportFormat, export_format_named
from seep_lightning.predictor.stac import DESCRIPTION_SUFFIX, stac_item


@trusting_its_config
def export(config: ExportConfig) -> Path:
    """Write the network of a run to `config.output`, which appears when it is whole (docs/export.md).

    Beside it goes its description in STAC's terms.

    Args:
        config: Run, checkpoint, format and file.

    Returns:
        The file.

    Raises:
        InUse: Another process writes the file.
        UserError: The run, the format, an option or the file does not fit, or a package is missing.
    """
    check_config(config)
    export_format = export_format_named(config.format)
    options = ExportOptions(config.size, config.values, config.pixel_size)
    export_format.check_options(options)
    source = source_of(config.run, config.checkpoint, options)
    output = Path(config.output)
    description = description_path(output)
    _check_suffix(output, export_format)
    with locked(lock_path(output), f"output={output}", "export"):
        _check_free(output, overwrite=config.overwrite)
        _check_free(description, overwrite=config.overwrite or _is_left_over(description))
        remove_leftovers(output.parent)
        source = export_format.complete(source)
        item = stac_item(source, export_format, output.name)
        with draft_of(output, output.suffix) as draft:
            export_format.write(source, draft)
            # first: an export that is killed now leaves no file that lacks its description
            write_text(description, json.dumps(item, indent=2) + "\n")
            with writing_to(output):
                draft.replace(output)
    return output


def next_step(config: ExportConfig, output: Path) -> str:
    """What to do with a file that `export` wrote, in one line.

    Args:
        config: That of the export.
        output: The file.
    """
    if config.format == QGIS.name:
        return "map with it: in QGIS, Plugins > Deepness, as its model file (docs/export.md)"
    if config.size is not None:
        return f"map with it: any program that gives it squares of {config.size} px (docs/export.md)"
    run_argument = quote(f"run={output}")
    return f"map with it: python -m seep_lightning.predict {run_argument} input=SCENE output=maps"


def description_path(output: Path) -> Path:
    """Where the description of a file stands.

    Args:
        output: The file.
    """
    return output.with_name(output.name + DESCRIPTION_SUFFIX)


def _check_suffix(output: Path, export_format: ExportFormat) -> None:
    """Raise `UserError` for a file of another format."""
    if output.suffix != export_format.suffix:
        raise UserError(
            f"output={output}: format={export_format.name} is written to a file named *{export_format.suffix}."
        )


def _check_free(path: Path, *, overwrite: bool) -> None:
    """Raise `UserError` for a file that must not be replaced."""
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists. Choose another output, or pass overwrite=true.")


def _is_left_over(description: Path) -> bool:
    """Whether an export that was killed left this description of a file that is not there."""
    with suppress(UserError):
        return "stac_version" in read_json(description, dict[str, Any])
    return False
