"""Warnings of other libraries that are left out: each is still given by its library, and reaches nobody."""

import sysconfig
import warnings
from pathlib import Path

import pytest

from seep_lightning.foreign_warnings import FOREIGN_WARNINGS, ForeignWarning, ignore_foreign_warnings

PACKAGES = Path(sysconfig.get_path("platlib"))
EXAMPLES = (
    "Dataset has no geotransform, gcps, or rpcs. The identity matrix will be returned.",
    "Found 22 module(s) in eval mode at the start of training. This may lead to unexpected behavior.",
    "It is recommended to use `self.log('dice/val', ..., sync_dist=True)` when logging on epoch level",
    "a line before\ntorch.distributed.nn.functional.all_reduce is deprecated, use another",
)


@pytest.mark.parametrize("warning", FOREIGN_WARNINGS, ids=lambda warning: warning.text)
def test_each_is_given_by_its_library(warning: ForeignWarning) -> None:
    files = sorted(PACKAGES.glob(warning.source))
    assert files, f"{warning.source} is gone: does the library still warn {warning.text!r}?"
    # some texts have names filled in: the words around those stand in the source
    words = max(warning.text.split(r"\w+"), key=len).replace("\\", "").strip()
    assert any(words.encode() in file.read_bytes() for file in files), f"adapt FOREIGN_WARNINGS: {warning.text!r}"


def test_they_reach_nobody_and_others_do() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        ignore_foreign_warnings()
        for text in (*EXAMPLES, "something else"):
            warnings.warn(text, FutureWarning, stacklevel=1)
    assert [str(warning.message) for warning in heard] == ["something else"]
