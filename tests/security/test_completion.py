"""Tab in a stranger's folder: the line that bash is left with names the file, and runs nothing when it is given."""

import subprocess
from pathlib import Path

import pytest

from seep_lightning.commands.shells import completion_script

ASKED = 'COMP_LINE="$1"; COMP_POINT=${#1}; _seep_completion; printf "%s\\n" "${COMPREPLY[@]}"'


def completed(line: str, folder: Path) -> str:
    """What bash has after a Tab at the end of a line; it keeps what stands before the last `=`."""
    command = ["bash", "--norc", "-c", f"{completion_script('bash')}\n{ASKED}", "bash", line]
    (reply,) = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60).stdout.splitlines()
    return f"{line.rpartition('=')[0]}={reply}"


@pytest.mark.parametrize(
    "name",
    [
        "s`touch${IFS}PLANTED`.tif",
        "s|touch${IFS}PLANTED|.tif",
        "s>PLANTED",
        "s&touch${IFS}PLANTED&.tif",
        "s$HOME.tif",
        "s*.tif",
        "s{a,b}.tif",
        "s~#!.tif",
        "s\\.tif",
    ],
)
def test_a_name_stays_a_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    (tmp_path / "other.tif").touch()
    line = completed("seep predict input=s", tmp_path)
    # what a person does next
    given = f'seep() {{ printf "%s" "$2"; }}\n{line}'
    done = subprocess.run(["bash", "--norc", "-c", given], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stdout == f"input={name}"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "other.tif"])
