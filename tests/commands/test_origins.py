"""`seep config`: the composed config as YAML, with where each value comes from."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seep_lightning import show_config
from seep_lightning.commands.composition import compose_untyped
from seep_lightning.commands.origins import composed_config, origin_lines
from seep_lightning.documents.yaml_files import parsed_yaml
from seep_lightning.errors import UserError


def test_each_value_tells_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    mine = tmp_path / "experiment" / "mine.yaml"
    mine.write_text("# @package _global_\ndefaults: [override /model: unet]\nmodel: {width: 5, depth: 2}\n")
    typed = ["experiment=mine", "optimizer=sgd", "model.depth=3", "data.normalise={log: false}"]
    composed = composed_config("train", ["--config-dir", str(tmp_path), *typed])
    lines = [" ".join(line.split()) for line in origin_lines(composed)]
    for expected in (
        "# experiment=mine (command line)",
        "seed: 0 # default",
        "name: train # conf/train.yaml",
        "model: # model=unet (a file of configs)",
        f"width: 5 # {mine}",
        "depth: 3 # command line",
        "optimizer: # optimizer=sgd (command line)",
        "momentum: 0.9 # conf/optimizer/sgd.yaml",
        "log: false # command line",
    ):
        assert expected in lines, expected


@pytest.mark.parametrize("command", ["train", "predict"])
def test_it_is_the_config_that_the_command_would_compose(command: str) -> None:
    typed = (
        ["data=seeps", "data.mask_values={'0,255,255': 1}"] if command == "train" else ["run=[a,b]", "format=geojson"]
    )
    shown = parsed_yaml("\n".join(origin_lines(composed_config(command, typed))), "shown")
    assert shown == OmegaConf.to_container(compose_untyped(command, typed), resolve=False)


def test_secrets_are_stars_and_mistakes_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_config.main(["+logger.mine.api_key=abc"])
    shown = capsys.readouterr().out
    assert re.search(r"api_key: '\*\*\*' +# command line", shown)
    with pytest.raises(UserError, match=r"Did you mean optimizer\.lr\?"):
        show_config.main(["train", "optimizer.lrr=1"])
    for words in (["trian"], [""]):
        with pytest.raises(UserError, match="is neither a verb with keys nor key=value"):
            show_config.main(words)
