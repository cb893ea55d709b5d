"""Sources are told from chance."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, binom

from seep_lightning.errors import UserError
from seep_lightning.sources.cells import CellGrid, CellSet
from seep_lightning.sources.chance import Permutations, corrected, largest_by_chance
from seep_lightning.sources.days import Day, Slick
from seep_lightning.sources.ends import Ends
from seep_lightning.sources.finding import find_sources
from seep_lightning.sources.marks import MARKS, MarkedDays, universe_of
from seep_lightning.sources.origin import MOST_CANDIDATES, Bundle, origin_of
from seep_lightning.sources.rate import JEFFREYS
from seep_lightning.sources.shifts import ShiftableCells
from seep_lightning.sources.source import CORE, SHARED_END, SourceSettings
from seep_lightning.sources.surprise import Totals, kinds_of

GRID = CellGrid("", 0.0, 0.0, 8.0)
CELLS = 60
FAST = SourceSettings(permutations=199)
ORIGINS = np.array([[140.0, -150.0], [330.0, -300.0]])


def bar(start, angle, length, day, number=0, class_number=None):
    """A slick: a bar 4 px wide from a point on."""
    along = np.array([np.cos(angle), np.sin(angle)])
    across = 2 * np.array([-along[1], along[0]])
    end = start + length * along
    outline = np.array([start - across, end - across, end + across, start + across])
    middle = start + np.linspace(0, length, int(length))[:, None] * along
    cells = GRID.cells_at(np.concatenate([middle - across, middle, middle + across]))
    return Slick(day, number, "", outline, cells, 4.0 * length, length, 0.5, class_number)


def survey(days, origins, seed, one_offs=3):
    """Days with slicks from each origin, in a direction that changes by the day, and as many from anywhere."""
    rng = np.random.default_rng(seed)
    looked = CellSet.of_mask(np.ones((CELLS, CELLS), bool))
    table = []
    for day in range(days):
        starts = np.concatenate([origins, rng.uniform(80, 400, (one_offs, 2)) * (1, -1)])
        angles = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.3, len(starts))
        slicks = [bar(s, a, rng.uniform(40, 80), day, i) for i, (s, a) in enumerate(zip(starts, angles, strict=True))]
        table.append(Day(f"2020-01-{day + 1:02}", f"2020-01-{day + 1:02}", looked, tuple(slicks)))
    return table


@pytest.fixture(scope="module")
def six_days():
    return survey(6, ORIGINS, seed=1)


def test_planted_origins_are_found_within_5_px_and_nothing_else(six_days):
    sources = find_sources(six_days, GRID, FAST)
    assert len(sources) == 2
    for origin in ORIGINS:
        nearest = min(sources, key=lambda source: np.linalg.norm(source.origin - origin))
        assert np.linalg.norm(nearest.origin - origin) < 5
        assert nearest.origin_kind == SHARED_END and nearest.origin_spread < 5
        assert nearest.days_seen == nearest.days_looked == 6 > 3 > nearest.expected_by_chance
        assert nearest.p_best_cell < nearest.p_corrected == 1 / 200
        assert (nearest.first, nearest.last) == ("2020-01-01", "2020-01-06")
        assert [row.day for row in nearest.by_day] == list(range(6)) and nearest.p_mean == 0.5
    keys = [key for source in sources for key in source.slicks]
    of_origins = [key for key in keys if key.number < 2]
    # a slick from anywhere may touch a source
    assert len(set(keys)) == len(keys) <= 13 and len(of_origins) == 12


def test_the_order_of_days_changes_nothing(six_days):
    turned = []
    for position, day in enumerate(six_days[::-1]):
        slicks = [Slick(position, *list(vars(slick).values())[1:]) for slick in day.slicks]
        turned.append(Day(day.name, day.date, day.looked, tuple(slicks)))
    found, again = find_sources(six_days, GRID, FAST), find_sources(turned, GRID, FAST)
    for one, other in zip(found, again, strict=True):
        assert np.array_equal(one.cells.keys, other.cells.keys)
        assert np.allclose(one.origin, other.origin)
        assert one.p_best_cell == other.p_best_cell and one.expected_by_chance == other.expected_by_chance


def test_slicks_from_anywhere_make_no_source(caplog):
    caplog.set_level("INFO")
    settings = SourceSettings(permutations=99, level=0.05)
    found = sum(bool(find_sources(survey(4, np.zeros((0, 2)), seed, 6), GRID, settings)) for seed in range(6))
    assert found <= 1
    assert "no source: chance gives a cell as surprising as the best one with p = " in caplog.text
    assert find_sources(survey(2, ORIGINS, seed=0), GRID, settings) == []
    assert "no source: slicks are on 3 days or more in no cell" in caplog.text


def test_too_few_permutations_for_the_level_are_refused(six_days):
    with pytest.raises(
        UserError,
        match=r"permutations=50 gives p-values of 0.0196.*none is below level=0.01. Pass permutations=100 or more",
    ):
        find_sources(six_days, GRID, SourceSettings(permutations=50))
    assert find_sources([], GRID, FAST) == []


def test_shifts_reach_each_looked_at_cell_once_and_keep_shapes():
    looked = np.random.default_rng(0).random((20, 30)) < 0.8
    cells = ShiftableCells.of(CellSet.of_mask(looked))
    shifts = cells.shifts(20, np.random.default_rng(1))
    everything = np.arange(looked.sum(), dtype=np.int32)
    reached = cells.moved(everything, shifts)
    assert (np.sort(reached, axis=1) == everything).all()
    whole = ShiftableCells.of(CellSet.of_mask(np.ones((20, 30), bool)))
    right_3_down_6 = np.array([[3, 6, 0]], np.int32)
    moved = whole.moved(np.array([0, 1, 30], np.int32), right_3_down_6)
    assert moved.tolist() == [[6 * 30 + 3, 6 * 30 + 4, 7 * 30 + 3]]


def test_surprise_is_the_tail_of_a_binomial_and_p_values_count_the_real_days():
    totals = Totals(np.array([5, 1, 4, 0]), np.array([8, 8, 5, 1]), np.array([0.8, 0.8, 0.25, 0.1]))
    kinds = kinds_of(totals, least=2)
    told = kinds.of_cells(totals.seen)
    expected = -np.log10([binom.sf(4, 8, 0.1), binom.sf(3, 5, 0.05)])
    assert np.allclose(told[[0, 2]], expected, rtol=0.02) and told[1] == told[3] == 0
    counts = np.zeros((2, kinds.slots), np.uint8)
    counts[1, kinds.slot[0]] = 5
    assert kinds.largest(counts).tolist() == [0, told[0]]
    assert corrected(np.array([told[0], 0.0]), np.array([0.0, told[0], 9.0])).tolist() == [0.75, 1.0]


def test_chance_is_the_same_where_a_wide_sea_has_too_many_cells_for_a_table(six_days, monkeypatch):
    sea = CellSet.of_mask(np.ones((150, 150), bool), -20, -20)
    days = [replace(day, looked=sea.union(day.looked)) for day in six_days]
    marked = MarkedDays(days, GRID, universe_of(days), MARKS[0], 1)
    totals = marked.totals()
    kinds = kinds_of(totals, least=2)
    marks = int(totals.seen.sum())
    assert marks * 4 < kinds.slots
    by_table = largest_by_chance(marked, kinds, marks, Permutations(50, 0))
    monkeypatch.setattr("seep_lightning.sources.chance.BATCH_BYTES", 7 * marks * 4)
    by_lists = largest_by_chance(marked, kinds, marks, Permutations(50, 0))
    assert by_lists.tolist() == by_table.tolist() and by_table.max() > 0


@pytest.mark.parametrize("seen, looked", [(0, 4), (3, 9), (7, 7)])
def test_the_interval_of_a_rate_is_that_of_jeffreys(seen, looked):
    low, high = JEFFREYS.interval(seen, looked)
    quantiles = beta.ppf([0.025, 0.975], seen + 0.5, looked - seen + 0.5)
    assert np.isclose(low, 0 if seen == 0 else quantiles[0])
    assert np.isclose(high, 1 if seen == looked else quantiles[1])


def lines(starts, angles, lengths):
    ends = []
    for day, (start, angle, length) in enumerate(zip(starts, angles, lengths, strict=True)):
        end = np.array(start) + length * np.array([np.cos(angle), np.sin(angle)])
        ends.append(Ends(day, 0, np.array([start, end]), np.array([True, True])))
    return ends


def test_an_origin_is_told_only_where_one_end_is_shared(monkeypatch):
    costs = Bundle.costs
    core = np.full((1, 2), 4.0)
    angles = np.arange(6) * 0.9
    shared = origin_of(lines([(5.0, 3.0)] * 6, angles, [90] * 6), core, 8.0, seed=0)
    assert shared.kind == SHARED_END and np.allclose(shared.point, (5, 3))
    passing = [
        -along * np.array([np.cos(a), np.sin(a)]) for a, along in zip(angles, (10, 70, 45, 20, 60, 35), strict=True)
    ]
    assert origin_of(lines(passing, angles, [90] * 6), core, 8.0, seed=0).kind == CORE
    # both ends of slicks that drift alike agree as well
    assert origin_of(lines([(5.0, 3.0)] * 6, [0.3] * 6, [90] * 6), core, 8.0, seed=0).kind == CORE
    # of many pieces a day, few ends are tried: time grows with the pieces, not with their square
    pieces = lines([(5.0, 3.0)] * 60, np.arange(60) * 0.9, [90] * 60)
    tried = []
    monkeypatch.setattr(Bundle, "costs", lambda bundle, points: tried.append(len(points)) or costs(bundle, points))
    many = origin_of([replace(piece, day=piece.day % 20) for piece in pieces], core, 8.0, seed=0)
    assert many.kind == SHARED_END and np.allclose(many.point, (5, 3))
    assert max(tried) == MOST_CANDIDATES
    few = origin_of(lines([(5.0, 3.0)] * 2, [0, 2], [90, 90]), core, 8.0, seed=0)
    assert few.kind == CORE and few.point == (4.0, 4.0)
