"""The command `export`: a run's network as one file."""

from pathlib import Path

from seep_lightning.config.commands import ExportConfig
from seep_lightning.config.rules import check_config
from seep_lightning.errors import UserError
from seep_lightning.predictor.export_source import ExportSource, model_card
from seep_lightning.predictor.formats import ExportFormat, export_format_named
from seep_lightning.runs.directory import open_run


def export(config: ExportConfig) -> Path:
    """Write the network of a run to `config.output`, which appears when it is whole (docs/export.md).

    Args:
        config: Run, checkpoint, format and file.

    Returns:
        The file.

    Raises:
        UserError: The run, the format or the file does not fit, or a package is missing.
    """
    from seep_lightning.runs.checkpoints import read_run_checkpoint

    check_config(config)
    export_format = export_format_named(config.format)
    run = open_run(config.run)
    checkpoint = run.checkpoint(config.checkpoint)
    output = Path(config.output)
    _check_output(output, export_format, overwrite=config.overwrite)
    output.parent.mkdir(parents=True, exist_ok=True)
    content = read_run_checkpoint(run, config.checkpoint)
    source = ExportSource(content, checkpoint, model_card(run, content["epoch"]))
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        export_format.write(source, part)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return output


def _check_output(output: Path, export_format: ExportFormat, *, overwrite: bool) -> None:
    """Raise `UserError` for a file of another format, or one that must not be replaced."""
    if output.suffix != export_format.suffix:
        raise UserError(
            f"output={output}: format={export_format.name} is written to a file named *{export_format.suffix}."
        )
    if output.exists() and not overwrite:
        raise UserError(f"output={output} exists. Choose another file, or pass overwrite=true.")
