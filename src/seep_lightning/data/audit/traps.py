"""All traps that are known, each declared once. docs/data.md lists them, and a test compares."""

from seep_lightning.data.audit.file_traps import MixedKinds, NoData
from seep_lightning.data.audit.fill_traps import FillAsData, FrequentValues
from seep_lightning.data.audit.finding import Severity
from seep_lightning.data.audit.mask_traps import FullMasks, InvertedMasks, NoSeepAtAll, ScatteredValues
from seep_lightning.data.audit.name_traps import NoScenes, ScenesInNames
from seep_lightning.data.audit.nodata_traps import ScatteredNodata, SeepOnNodata
from seep_lightning.data.audit.part_traps import PartsWithoutClass, PartsWithoutSeep, TwinsBetweenParts
from seep_lightning.data.audit.picture_traps import ConstantChips, Saturated
from seep_lightning.data.audit.place_traps import (
    MisplacedMasks,
    SomeInvertedMasks,
    SomeUnrelatedMasks,
    UnrelatedMasks,
)
from seep_lightning.data.audit.trap import Trap

TRAPS = (
    Trap(
        name="chips without data",
        severity=Severity.STOPS,
        measures="chips in which every pixel is nodata",
        line="{count} chip(s) hold {what} only",
        cure="Remove them{other_cure}",
        measurement=NoData,
    ),
    Trap(
        name="mixed kinds",
        severity=Severity.STOPS,
        measures="bands, size and type of the images",
        line="chips differ in bands, size or type: {kinds}",
        cure="Pass data.size=SIDE where sizes differ: it pads and crops; or train on one kind at a time",
        measurement=MixedKinds,
    ),
    Trap(
        name="inverted masks",
        severity=Severity.MEANINGLESS,
        measures="the share of seep in all pixels, above one half",
        line="{share} of all pixels are seep (value: share of pixels: {values}), as in inverted masks",
        cure="{cure}",
        measurement=InvertedMasks,
    ),
    Trap(
        name="no seep at all",
        severity=Severity.MEANINGLESS,
        measures="whether any mask of the set holds seep",
        line="no mask of {chips} chips holds a seep pixel, so there is nothing to learn or to score",
        cure="Check that data.masks names the masks",
        measurement=NoSeepAtAll,
    ),
    Trap(
        name="misplaced masks",
        severity=Severity.MEANINGLESS,
        measures="where the edges of seep fit the images best, over all chips and in each: offset, scale, orientation",
        line="{masks} {what} (of {chips} chips)",
        cure="Cut images and masks again from one grid",
        measurement=MisplacedMasks,
    ),
    Trap(
        name="some inverted masks",
        severity=Severity.MEANINGLESS,
        measures="masks that are mostly seep and fit the wrong way round, where others fit",
        line="{count} masks (of {chips} chips) are mostly seep, where other images show sea, as in inverted masks",
        cure="Turn these masks round in their files: data.mask_values would turn all of them",
        measurement=SomeInvertedMasks,
    ),
    Trap(
        name="some unrelated masks",
        severity=Severity.MEANINGLESS,
        measures="masks whose edges lie on nothing that their images show, from 15 % on, where those of others do",
        line="{count} masks (of {chips} chips, {share}) lie on nothing that their images show, while the others fit",
        cure="Look at some of these pairs: the masks may belong to other images",
        measurement=SomeUnrelatedMasks,
    ),
    Trap(
        name="scattered values",
        severity=Severity.MEANINGLESS,
        measures="masks of many values around two peaks, by lossy compression or soft edges",
        line="{count} mask(s) hold up to {values} values scattered around two peaks, as {cause}; each is taken for a "
        "class",
        cure="Make the masks anew with their few values, or give ranges of values their meaning by data.mask_values",
        measurement=ScatteredValues,
    ),
    Trap(
        name="dark sea as nodata",
        severity=Severity.MEANINGLESS,
        measures="nodata that does not lie along the chips' edges, 3 times or more as frequent inside seep as outside",
        line="{share} of the seep pixels count as nodata ({nodata}), in no loss and no figure: these lie "
        "scattered, {inside} of them inside seep ({contrast}), so they are dark sea",
        cure="{cure}",
        measurement=ScatteredNodata,
    ),
    Trap(
        name="fill as data",
        severity=Severity.MEANINGLESS,
        measures="one exact value of floats or signed integers on 1 % of the pixels with data or more, which no radar "
        "measures",
        line="{share} of the pixels with data are exactly {value}, {reason}: it is fill that counts as data",
        cure="Pass data.nodata={value}, or declare it in the files: gdal_edit.py -a_nodata {value} FILE",
        measurement=FillAsData,
    ),
    Trap(
        name="part without seep",
        severity=Severity.MEANINGLESS,
        measures="whether training, validation and test have seep",
        line="the {part} part of split={split} ({chips} chips) has no seep pixel, so its Dice says nothing",
        cure="{cure}",
        measurement=PartsWithoutSeep,
    ),
    Trap(
        name="near twins between parts",
        severity=Severity.MEANINGLESS,
        measures="pictures with nearly one perceptual hash, also mirrored or turned, confirmed by their correlation",
        line="{count} of {chips} {part} chips have the picture of a training chip, or nearly, so their figures flatter",
        cure="Remove one of each pair, or keep both in one part by split=file",
        measurement=TwinsBetweenParts,
    ),
    Trap(
        name="scenes not taken from names",
        severity=Severity.MEANINGLESS,
        measures="names such as SCENE_TILE, where each chip counts as a scene of its own",
        line="every chip counts as a scene of its own, so split={split} is a random split; names such as {example} "
        "seem to hold {scenes} scenes",
        cure="Pass {cure}",
        measurement=ScenesInNames,
    ),
    Trap(
        name="no scenes",
        severity=Severity.WORTH_KNOWING,
        measures="names that do not say the scene",
        line="every chip counts as a scene of its own ({example}), so split={split} is a random split: parts may share "
        "scenes",
        cure="Name the scenes by data.pattern or in a table (data.pairs), or give the parts by split=file",
        measurement=NoScenes,
    ),
    Trap(
        name="unrelated masks",
        severity=Severity.WORTH_KNOWING,
        measures="whether the edges of seep lie on edges of the images, at any offset up to an eighth of the side",
        line="the edges of seep lie on nothing that the images show, wherever the masks are moved (of {chips} chips)",
        cure="Look at some pairs: the masks may belong to other images, or be moved by more than an eighth of a chip",
        measurement=UnrelatedMasks,
    ),
    Trap(
        name="seep on nodata",
        severity=Severity.WORTH_KNOWING,
        measures="the share of seep pixels without data, from 1 % on",
        line="{share} of the seep pixels have no data ({nodata}), and count in no loss and no figure",
        cure="Correct the masks; or pass data.nodata=null if its value is a measured one",
        measurement=SeepOnNodata,
    ),
    Trap(
        name="class lacking in a part",
        severity=Severity.WORTH_KNOWING,
        measures="classes of seep that one part has and another has not",
        line="with split={split}, {parts}: no figure there says anything about it",
        cure="For task=classes {cure}",
        measurement=PartsWithoutClass,
    ),
    Trap(
        name="seep throughout",
        severity=Severity.WORTH_KNOWING,
        measures="chips in which every valid pixel is seep",
        line="{count} chip(s) are seep throughout",
        cure="Look whether their masks are right",
        measurement=FullMasks,
    ),
    Trap(
        name="saturated",
        severity=Severity.WORTH_KNOWING,
        measures="the share of pixels at the smallest or largest value of their type, from 3 % on",
        line="{share} of all pixels have the {end} value, {value}: contrasts are cut off there",
        cure="{cure}",
        measurement=Saturated,
    ),
    Trap(
        name="one value on many pixels",
        severity=Severity.WORTH_KNOWING,
        measures="one exact value of floats or signed integers on 1 % of the pixels with data or more, 5 times as "
        "frequent as its neighbours",
        line="{share} of the pixels with data are exactly {value}, and count as data",
        cure="If no data were there, pass data.nodata={value}",
        measurement=FrequentValues,
    ),
    Trap(
        name="constant chips",
        severity=Severity.WORTH_KNOWING,
        measures="chips of one value only",
        line="{count} chip(s) hold one value only",
        cure="Remove them, or name the value by data.nodata",
        measurement=ConstantChips,
    ),
)
"""In the order in which they are told."""

TRAINING_TRAPS = tuple(trap for trap in TRAPS if trap.severity == Severity.MEANINGLESS)
"""What `train` looks for: it stops by itself at what would stop it."""
