"""How torch's threads wait, set before torch is imported and never over the user's own wish."""

import pytest

from seep_lightning.commands import entry
from seep_lightning.commands.waiting_threads import SPIN_COUNT, WAIT_POLICY, let_threads_sleep


def test_threads_spin_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environment)
    let_threads_sleep()
    assert environment == {SPIN_COUNT: "1000"}


@pytest.mark.parametrize("wish", [{WAIT_POLICY: "active"}, {SPIN_COUNT: "5"}])
def test_wish_of_the_user_stays(wish: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    environment = dict(wish)
    monkeypatch.setattr("os.environ", environment)
    let_threads_sleep()
    assert environment == wish


def test_command_sets_it_before_its_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(entry, "let_threads_sleep", lambda: calls.append("threads"))
    monkeypatch.setattr(entry, "register_schemas", lambda: calls.append("schemas"))
    monkeypatch.setattr(entry, "_run_under_hydra", lambda *_: calls.append("work"))
    entry.run_command("compare", lambda cfg: None)
    assert calls == ["threads", "schemas", "work"]
