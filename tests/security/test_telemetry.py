"""onnxruntime tells nobody which models are opened, and keeps no identifier of the computer."""

import os
import subprocess
import sys
from pathlib import Path

OPEN = "import sys, seep_lightning; seep_lightning.load(sys.argv[1])"


def test_opening_a_model_leaves_no_identifier(onnx_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # where CI is set, onnxruntime holds still by itself
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = {**kept, "HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    subprocess.run([sys.executable, "-c", OPEN, str(onnx_file)], env=environment, check=True)
    assert list(home.rglob("*")) == []
