"""The cells that days share."""

import numpy as np

from seep_lightning.sources.cells import CellBox, CellGrid, CellSet


def test_cells_have_their_place_also_left_of_and_above_the_corner():
    grid = CellGrid("", left=5.0, top=-3.0, size=8.0)
    points = np.array([[5.1, -3.1], [4.9, -2.9], [29.0, -3.5], [29.5, -4.0]])
    cells = grid.cells_at(points)
    assert cells.positions.tolist() == [[-1, -1], [0, 0], [0, 3]]
    assert np.allclose(grid.positions(grid.centres(cells)), cells.positions + 0.5)
    assert cells.moved(2, -3).positions.tolist() == [[1, -4], [2, -3], [2, 0]]


def test_a_set_of_cells_and_its_mask_are_the_same():
    rng = np.random.default_rng(0)
    mask = rng.random((7, 9)) < 0.3
    cells = CellSet.of_mask(mask, top=-4, left=-2)
    box = CellBox(-4, -2, 3, 7)
    assert (cells.mask(box) == mask).all()
    again = CellSet.of(cells.positions[::-1])
    assert (again.keys == cells.keys).all()
    assert cells.union(cells.moved(0, 1)).holds(cells.keys).all()
    assert (cells.union(cells.moved(2, 1)).mask(box) == (cells.mask(box) | cells.moved(2, 1).mask(box))).all()
    assert len(cells.union(cells)) == len(cells.union(CellSet.none())) == len(CellSet.none().union(cells)) == len(cells)
    assert len(cells.intersection(CellSet.none())) == len(CellSet.none().union(CellSet.none())) == 0
    assert CellSet.none().box().shape == (0, 0)
