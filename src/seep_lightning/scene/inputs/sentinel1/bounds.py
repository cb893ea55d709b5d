"""How many elements and numbers an annotation or a table holds: ten times what real products have, or more.

Each vector of a table becomes a row of the image's width, each block multiplies a part of the image: 20,000 of them are
some kB in an archive, and would take gigabytes or hours.
"""

from xml.etree.ElementTree import Element

MOST_VECTORS = 1_000
"""Of a table: a product of 25 s has about 30, one of a minute about 70."""
MOST_BLOCKS = 300
"""Of the noise along the track: at most some 30."""
MOST_OVERLAP = 2
"""Times the image's pixels that these blocks cover: they lie beside each other."""
MOST_NUMBERS = 20_000
"""Of a vector: some 650, and of a block some 1,700."""
MOST_GRID_POINTS = 2_500
"""Of the places of pixels: 210."""
MOST_CONVERSIONS = 300
"""Of slant to ground range: some 30."""
MOST_STATES = 300
"""Of the orbit: 16."""
MOST_COEFFICIENTS = 100
"""Of a polynomial: 9."""


def elements(root: Element, path: str, most: int) -> list[Element]:
    """The elements at a path; ValueError for more than a product has.

    Args:
        root: An annotation or a table.
        path: Such as `.//calibrationVector`.
        most: How many there may be.
    """
    found = list(root.iterfind(path))
    check_count(len(found), path.rpartition("/")[2], most)
    return found


def check_count(count: int, name: str, most: int) -> None:
    """Raise ValueError for more elements or numbers of a name than a product has."""
    if count > most:
        raise ValueError(f"it has {count:,} {name}; expected at most {most:,}")
