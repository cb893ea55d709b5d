"""The database of somebody else's search: it sets nothing that is not searched, and runs no queries of its own."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from seep_lightning.errors import UserError
from seep_lightning.sweeps.settings import SearchConfig
from seep_lightning.sweeps.space import split_overrides
from seep_lightning.sweeps.study import Search, open_study
from seep_lightning.sweeps.trial_jobs import overrides_of, trial_name


@pytest.fixture
def search(tmp_path: Path) -> Search:
    fixed, space = split_overrides(["optimizer.lr=interval(0.1,1)", "model=choice(unet,unet_small)"])
    search = Search(tmp_path, "dice/val", SearchConfig(), fixed, space)
    open_study(search)
    return search


def plant(search: Search, params: Mapping[str, Any], **attributes: Any) -> optuna.Trial:
    """The next trial, as a stranger queued it."""
    choices = {key: optuna.distributions.CategoricalDistribution([value]) for key, value in params.items()}
    study = open_study(search)
    study.add_trial(
        create_trial(state=TrialState.WAITING, params=dict(params), distributions=choices, user_attrs=attributes)
    )
    return study.ask()


@pytest.mark.parametrize(
    "params",
    [
        {"model._target_": "evil.Net"},
        {"trusted": "[evil]"},
        {"optimizer.lr": "${oc.env:SECRET}"},
        {"model": "unet,trusted=[evil]"},
        {"optimizer.lr": True},
    ],
    ids=str,
)
def test_a_queued_trial_sets_only_what_is_searched(params: dict[str, Any], search: Search) -> None:
    trial = plant(search, params)
    with pytest.raises(UserError, match=r"study\.db holds a trial of .*, which this search does not try"):
        overrides_of(trial, "trial-000", search)


@pytest.mark.parametrize("number", ["../../evil", -1, 1.5, True])
def test_nor_does_its_folder_lead_elsewhere(number: Any, search: Search) -> None:
    trial = plant(search, {"optimizer.lr": 0.5}, first=number)
    stored = open_study(search).trials[trial.number]
    with pytest.raises(UserError, match="is no number of a trial"):
        trial_name(stored)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE TRIGGER evil AFTER INSERT ON trials BEGIN INSERT INTO version_info (version_info_id) {ENDLESS}; END",
        f"CREATE VIEW evil AS {ENDLESS}",
    ],
)
def test_queries_of_a_stranger_do_not_run(sql: str, search: Search) -> None:
    with closing(sqlite3.connect(search.database)) as database:
        database.execute(sql)
        database.commit()
    with pytest.raises(UserError, match=r"study\.db holds evil, which no search writes"):
        open_study(search)


def test_what_a_person_queued_is_tried(search: Search) -> None:
    trial = plant(search, {"optimizer.lr": 5, "model": "unet_small"}, first=7)
    assert overrides_of(trial, "trial-007", search)[:2] == ["optimizer.lr=5", "model=unet_small"]
    assert trial_name(open_study(search).trials[trial.number]) == "trial-007"
