"""Pictures of a long training come ever more rarely: they are the most that it writes."""

from seep_lightning.reporting.panels import MOST_DRAWN, interval


def drawn(every: int, epochs: int) -> list[int]:
    return [epoch for epoch in range(1, epochs + 1) if epoch % interval(every, epoch) == 0]


def test_short_training_is_drawn_every_few_epochs() -> None:
    assert drawn(5, 50) == list(range(5, 51, 5))
    assert drawn(1, MOST_DRAWN) == list(range(1, MOST_DRAWN + 1))


def test_interval_doubles_after_every_so_many_epochs() -> None:
    assert drawn(5, 200)[MOST_DRAWN:] == [60, 70, 80, 90, 100, 120, 140, 160, 180, 200]


def test_thousand_epochs_are_drawn_some_thirty_times() -> None:
    assert len(drawn(5, 1000)) == 31
    assert len(drawn(1, 1000)) < 50
