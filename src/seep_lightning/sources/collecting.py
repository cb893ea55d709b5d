"""The command `sources`: what is new is read into the store; raster, layers and tables are made of the store."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from seep_lightning.config.commands import SourcesConfig
from seep_lightning.config.rules import check_config
from seep_lightning.counted import counted
from seep_lightning.data.inputs import path_list
from seep_lightning.errors import UserError, shortened
from seep_lightning.files import draft_of, real_path, remove_leftovers, replace_folder, with_home, write_table
from seep_lightning.locks import lock_path, locked
from seep_lightning.scene.feature_layers import write_feature_layers
from seep_lightning.sources.cells import CellGrid
from seep_lightning.sources.chip_source import chip_sources
from seep_lightning.sources.day_colours import write_raster_style
from seep_lightning.sources.day_list import DayList
from seep_lightning.sources.finding import check_permutations, find_sources
from seep_lightning.sources.finding_maps import MapOptions, find_maps
from seep_lightning.sources.layers import day_rows, layers_of, source_day_rows
from seep_lightning.sources.look_sources import LookSource
from seep_lightning.sources.outputs import SourceOutputs
from seep_lightning.sources.recurrence import write_recurrence
from seep_lightning.sources.seen_counts import SeenCounts
from seep_lightning.sources.source import Source, SourceSettings
from seep_lightning.sources.store import LookStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourcesResult:
    """What a call of `sources` found.

    Attributes:
        outputs: Its files.
        grid: The grid of the cells.
        sources: The sources, the surest first.
        days: How many days there are.
        undated: How many of them have no date.
        slicks: How many slicks they have.
        slicks_of_sources: How many of these belong to a source.
        read: How many scenes this call read.
        kept: How many scenes were read by earlier calls.
        counts: On how many days each cell had a slick.
    """

    outputs: SourceOutputs
    grid: CellGrid
    sources: list[Source]
    days: int
    undated: int
    slicks: int
    slicks_of_sources: int
    read: int
    kept: int
    counts: SeenCounts


def collect_sources(config: SourcesConfig) -> SourcesResult:
    """Do what `seep sources` is asked for.

    Args:
        config: The settings of the command.

    Returns:
        What was found; the files are written.

    Raises:
        UserError: A map cannot be used, or the output is of something else.
    """
    check_config(config)
    check_permutations(_settings(config))
    outputs = SourceOutputs.of(config.output)
    with locked(lock_path(outputs.layers), f"output={config.output}", "sources"):
        remove_leftovers(outputs.folder)
        store = LookStore(outputs.store)
        is_update = store.exists() and not config.overwrite
        if not is_update:
            outputs.check_replaceable(overwrite=config.overwrite)
        looks = _looks_of(config)
        _check_inputs_stay(looks, outputs)
        if is_update:
            store.open()
        read = _read_new(looks, store, config, is_update=is_update)
        return _write(store, outputs, config, read)


def _settings(config: SourcesConfig) -> SourceSettings:
    return SourceSettings(config.min_days, config.level, config.permutations, config.seed, config.reach)


def _looks_of(config: SourcesConfig) -> Sequence[LookSource]:
    """What there is to read: maps, or the masks of a data set."""
    if config.maps is None:
        if config.data.source == "chips" and config.data.root is None:
            raise UserError(
                "neither maps nor data.root is set. Pass maps=DIR, the output folder of predict or an analyst's "
                "outlines; or data.root=DIR, a data set with masks."
            )
        return chip_sources(config.data)
    area = None if config.area is None else with_home(config.area)
    options = MapOptions(config.date_column, area, config.data.grid, config.chip)
    return find_maps(path_list("maps", config.maps), options)


def _check_inputs_stay(looks: Sequence[LookSource], outputs: SourceOutputs) -> None:
    """Raise `UserError` where an output would replace what is read."""
    written = {real_path(path) for path in outputs.files}
    for look in looks:
        if real_path(look.path) in written:
            raise UserError(f"{look.path} is to be read, and would be replaced. Choose another output.")


def _read_new(looks: Sequence[LookSource], store: LookStore, config: SourcesConfig, *, is_update: bool) -> int:
    """Read the looks that the store does not hold, or holds of another state of their files; return how many."""
    if not is_update:
        _read_all(looks, store, config)
        return len(looks)
    if not store.facts:
        # a call that was refused at its first scene left a grid and nothing else: it binds no later call
        store.begin(_new_grid(looks, config))
    new = [look for look in looks if not _is_stored(look, store)]
    grid = store.grid()
    _check_size(grid, store, config)
    _tell_kept(looks, store)
    _add(new, store, grid)
    return len(new)


def _read_all(looks: Sequence[LookSource], store: LookStore, config: SourcesConfig) -> None:
    """Read all looks; those of an earlier call are replaced once all are read."""
    store.check_replaceable()
    grid = _new_grid(looks, config)
    if not store.exists():
        # a call that is stopped leaves nothing else that could be lost, and its next one goes on
        store.begin(grid)
        _add(looks, store, grid)
        return
    with draft_of(store.folder) as folder:
        draft = LookStore(folder)
        draft.begin(grid)
        _add(looks, draft, grid)
        replace_folder(folder, store.folder)
    store.facts = draft.facts


def _add(looks: Sequence[LookSource], store: LookStore, grid: CellGrid) -> None:
    """Read looks into the store; one that reaches too far is not stored, or no later call could do without it."""
    ground = store.ground(grid)
    for source in counted(looks, "read", "scenes"):
        look = source.read(grid)
        ground.add(look.looked.tiles, look.looked.box())
        store.add(look)


def _is_stored(look: LookSource, store: LookStore) -> bool:
    stored = store.facts.get(look.name)
    return stored is not None and stored.key == look.key()


def _tell_kept(looks: Sequence[LookSource], store: LookStore) -> None:
    """Say which stored scenes are not among the maps of this call, and stay."""
    others = sorted(set(store.facts) - {look.name for look in looks})
    if others:
        log.info("%d scenes of earlier calls stay: %s", len(others), shortened(others))


def _check_size(grid: CellGrid, store: LookStore, config: SourcesConfig) -> None:
    """Raise `UserError` where other cells are asked for than those of the store."""
    if config.cell is not None and config.cell != grid.size:
        raise UserError(
            f"cell={config.cell:g}: {store.folder} holds days in cells of {grid.size:g} {grid.unit}. Choose another "
            "output, or pass overwrite=true to read all maps again."
        )


def _new_grid(looks: Sequence[LookSource], config: SourcesConfig) -> CellGrid:
    """A grid about the first look, after a glance at where all lie."""
    grounds = [look.ground() for look in looks]
    placed = [look for look, ground in zip(looks, grounds, strict=True) if ground.wkt]
    unplaced = [look for look, ground in zip(looks, grounds, strict=True) if not ground.wkt]
    if placed and unplaced:
        raise UserError(
            f"{unplaced[0].path} has no coordinate system, {placed[0].path} has one: they share no ground "
            f"({len(unplaced)} scenes without, {len(placed)} with). Give each kind an output of its own."
        )
    return grounds[0].grid(config.cell)


def _write(store: LookStore, outputs: SourceOutputs, config: SourcesConfig, read: int) -> SourcesResult:
    """Make the outputs of the store."""
    grid = store.grid()
    days = DayList(store)
    write_recurrence(days, grid, outputs.recurrence)
    write_raster_style(outputs.recurrence)
    sources = find_sources(days, grid, _settings(config))
    counts = SeenCounts.of(days)
    write_feature_layers(layers_of(sources, days, grid, counts, _about(days, config)), outputs.layers)
    write_table(outputs.days, day_rows(days, sources, grid))
    write_table(outputs.source_days, source_day_rows(days, sources, grid), ("source", "day", "name", "date"))
    return SourcesResult(
        outputs=outputs,
        grid=grid,
        sources=sources,
        days=len(days),
        undated=sum(not facts.date for facts in days.facts),
        slicks=sum(facts.slick_count for facts in days.facts),
        slicks_of_sources=len({key for source in sources for key in source.slicks}),
        read=read,
        kept=len(store.facts) - read,
        counts=counts,
    )


def _about(days: DayList, config: SourcesConfig) -> dict[str, str]:
    """What the layers' metadata tell."""
    keys = ("min_days", "level", "permutations", "seed")
    return {"days": str(len(days)), **{key: str(getattr(config, key)) for key in keys}}
