"""The command `export`: a run's network as one file."""

import json
from pathlib import Path
from shlex import quote

from seep_lightning.config.commands import ExportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.errors import UserError
from seep_lightning.files import write_text
from seep_lightning.predictor.export_source import ExportOptions, source_of
from seep_lightning.predictor.formats import QGIS, ExportFormat, export_format_named
from seep_lightning.predictor.stac import DESCRIPTION_SUFFIX, stac_item


def export(config: ExportConfig) -> Path:
    """Write the network of a run to `config.output`, which appears when it is whole (docs/export.md).

    Beside it goes its description in STAC's terms.

    Args:
        config: Run, checkpoint, format and file.

    Returns:
        The file.

    Raises:
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
    _check_free((output, description), overwrite=config.overwrite)
    source = export_format.complete(source)
    output.parent.mkdir(parents=True, exist_ok=True)
    item = stac_item(source, export_format, output.name)
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        export_format.write(source, part)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    write_text(description, json.dumps(item, indent=2) + "\n")
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


def _check_free(paths: tuple[Path, ...], *, overwrite: bool) -> None:
    """Raise `UserError` for a file that must not be replaced."""
    for path in paths:
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists. Choose another output, or pass overwrite=true.")
