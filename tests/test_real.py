"""The real chips, wherever they are found: read, checked, split, trained on and scored."""

from pathlib import Path

import pytest

from helpers.chips import TINY
from helpers.masks import rescored
from seep_lightning.commands.composition import compose
from seep_lightning.config.commands import EvaluateConfig
from seep_lightning.data.audit.auditing import audit
from seep_lightning.data.leakage import leakage
from seep_lightning.data.loading import load_chips
from seep_lightning.data.parts import PARTS
from seep_lightning.data.split import split_chips
from seep_lightning.evaluation.evaluation import evaluate
from seep_lightning.training.session import train

pytestmark = pytest.mark.real


def test_the_audit_finds_nothing_wrong(real_root: Path) -> None:
    config = compose("check", ["data=seeps", f"data.root={real_root}"])
    found = audit(config.data, config.split)
    # no trap either: nodata lies along edges, masks fit their images, no picture occurs nearly twice
    assert found.findings == []
    assert found.facts["identical pictures"] == "0"
    assert "uint16" in found.facts["size and type"]
    assert found.leaks["scene"].startswith("val")


def test_splits_keep_what_they_promise(real_root: Path) -> None:
    config = compose("train", ["data=seeps", f"data.root={real_root}"])
    chips = load_chips(config.data)
    for kind, promise in (("scene", "same_scene"), ("place", "same_place")):
        config.split.kind = kind
        parts = split_chips(chips, config.split)
        assert all(getattr(row, promise) == 0 for row in leakage(chips, parts))
        shares = [parts.count(part) / len(parts) for part in PARTS]
        assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.03)
    config.split.kind = "random"
    rows = leakage(chips, split_chips(chips, config.split))
    assert all(row.touching > 0.8 * row.chips for row in rows)


@pytest.mark.slow
def test_a_tiny_training_is_scored_as_its_masks_are(real_root: Path, tmp_path: Path) -> None:
    more = [*TINY, "trainer.max_epochs=1", "trainer.limit_train_batches=6", "data.batch_size=8"]
    run = train(compose("train", ["data=seeps", f"data.root={real_root}", *more]), tmp_path / "run").run
    summary = evaluate(EvaluateConfig(run=str(run.dir)))
    again = rescored(run.dir / "evaluate" / "test", real_root)
    assert {k: summary["figures"][k] for k in again} == pytest.approx(again, abs=1e-9)
    assert 0.2 < summary["floor"]["dice"] < 0.5
