"""A checkpoint in which a bit has changed is refused: another network would map with it in silence."""

from pathlib import Path

import pytest
import torch

from seep_lightning.errors import UserError
from seep_lightning.predictor.weights import read_weights
from seep_lightning.runs.checkpoints import read_checkpoint


@pytest.mark.parametrize("read", [read_checkpoint, read_weights])
def test_a_changed_bit_in_a_weight_is_told(read, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    weights = torch.linspace(0, 1, 1000)
    torch.save({"state_dict": {"a": weights}}, path)
    content = bytearray(path.read_bytes())
    place = content.index(weights.numpy().tobytes()) + 2000
    content[place] ^= 4
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"net.pt is damaged: the checksum of .*data/0 in it is wrong"):
        read(path)
