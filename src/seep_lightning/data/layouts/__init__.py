"""Which files are the chips of a data set: layouts list each chip's image, mask, scene and tile.

`data.layout` chooses one: a name of `pairing.LAYOUTS`, or a `_target_` node of a class of the protocol `Layout`.
Knows file names only; no pixel is read.
"""

from seep_lightning.data.layouts.files import is_glob
from seep_lightning.data.layouts.folders import FolderPairs
from seep_lightning.data.layouts.hints import content_of
from seep_lightning.data.layouts.interfaces import AuditedLayout, ChipFiles, Layout, Listing, ToldLayout
from seep_lightning.data.layouts.known import KNOWN_FOLDERS, FolderNames, known_folders
from seep_lightning.data.layouts.names import chip_name, split_name
from seep_lightning.data.layouts.pairing import LAYOUTS, check_place, layout_of, pair_chips, root_of

__all__ = [
    "KNOWN_FOLDERS",
    "LAYOUTS",
    "AuditedLayout",
    "ChipFiles",
    "FolderNames",
    "FolderPairs",
    "Layout",
    "Listing",
    "ToldLayout",
    "check_place",
    "chip_name",
    "content_of",
    "is_glob",
    "known_folders",
    "layout_of",
    "pair_chips",
    "root_of",
    "split_name",
]
