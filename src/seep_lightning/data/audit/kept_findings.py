"""The findings of an audit, kept beside what was measured: the next training on the same split need not look again."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from seep_lightning.data.audit.auditing import Auditor
from seep_lightning.data.audit.finding import Finding, Severity
from seep_lightning.data.cache import last_set
from seep_lightning.data.cache.folder import cache_folder, keep, tidy
from seep_lightning.data.chips import Chips
from seep_lightning.documents.json_files import read_json
from seep_lightning.errors import UserError

FINDINGS_FILES = "findings-*.json"
# of so many splits of a data set, findings are kept
MOST_SPLITS = 32


def findings_of(chips: Chips, auditor: Auditor, parts: Sequence[str], split: str) -> list[Finding]:
    """Say what an audit finds in chips that were read.

    Args:
        chips: The data set.
        auditor: Has looked at all chips while they were read, or at none where an earlier reading is used.
        parts: The part of each chip.
        split: The kind of the split.

    Returns:
        The findings, in the order of the table of traps.
    """
    path = _path(chips, auditor, parts, split)
    kept = None if path is None else _read(path)
    if kept is not None:
        return kept
    findings = _with_all_chips(chips, auditor).findings(parts, split)
    if path is not None:
        rows = [[finding.severity.name, finding.text] for finding in findings]
        keep(path, json.dumps(rows).encode())
        tidy(path.parent, FINDINGS_FILES, MOST_SPLITS)
    return findings


def _path(chips: Chips, auditor: Auditor, parts: Sequence[str], split: str) -> Path | None:
    """The file of the findings; None where none is kept."""
    folder = cache_folder(chips) if chips.key else None
    if folder is None:
        return None
    traps = [trap.name for trap in auditor.traps]
    text = json.dumps([chips.key, list(parts), split, traps])
    return folder / FINDINGS_FILES.replace("*", hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def _read(path: Path) -> list[Finding] | None:
    """The findings in a file; None where there is none, or it is damaged."""
    try:
        rows = read_json(path, list[list[str]])
        return [Finding(Severity[name], text) for name, text in rows]
    except (UserError, KeyError, ValueError):
        return None


def _with_all_chips(chips: Chips, auditor: Auditor) -> Auditor:
    """An auditor that has looked at all chips: this one, or that of an earlier job of this process."""
    if auditor.read_chips == len(chips):
        return auditor
    last = last_set.recall(chips.key) if chips.key else None
    earlier = None if last is None else last.auditor
    if isinstance(earlier, Auditor) and earlier.traps == auditor.traps:
        return earlier
    for index in range(len(chips)):
        auditor.add(index, chips.read(index))
    if last is not None:
        last.auditor = auditor
    return auditor
