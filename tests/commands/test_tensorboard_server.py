"""`seep tensorboard`: which folder it serves, and that nobody else can reach it."""

import socket
from pathlib import Path
from typing import Any

import pytest

from seep_lightning.commands.tensorboard_server import launch
from seep_lightning.config.commands import TensorboardConfig
from seep_lightning.errors import UserError


def test_it_serves_a_folder_to_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorboard import program

    servers: list[Any] = []
    monkeypatch.setattr(program.TensorBoard, "launch", lambda server: servers.append(server) or "http://here/")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    assert launch(TensorboardConfig()) == "http://here/"
    flags = servers[0].flags
    assert (flags.logdir, flags.host, flags.bind_all, flags.port) == (
        str(tmp_path / "outputs"),
        "127.0.0.1",
        False,
        None,
    )


def test_a_missing_folder_and_a_taken_port_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run=nowhere: there is no such folder"):
        launch(TensorboardConfig(run="nowhere"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port={port}: TensorBoard cannot start there"):
            launch(TensorboardConfig(run=str(tmp_path), port=port))
