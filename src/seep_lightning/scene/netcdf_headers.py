"""The header of a classic netCDF: walked before GDAL opens it, since the library allocates whatever a header claims.

A file of 80 bytes that claims 268,435,455 dimensions took 4 GB, and ended the process. The lists of a header are those
of the format's specification: dimensions, attributes, variables, each a mark, a count and so many entries. NetCDF 4
is HDF5, which `scene.hdf5_references` judges.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seep_lightning.errors import UserError

CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""How the files begin."""
MOST_ENTRIES = 100_000
"""Of all lists of a header together: some 1,000 variables have 50,000."""
# bytes of a number: counts and lengths, and places in the file
_COUNT_BYTES = {1: 4, 2: 4, 5: 8}
_PLACE_BYTES = {1: 4, 2: 8, 5: 8}
_MARK_BYTES = 4
# bytes of a value, by the format's number of its type
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}


def check_netcdf(path: Path) -> None:
    """Check the header of a classic netCDF.

    Args:
        path: The file, which begins as one of `CLASSIC`.

    Raises:
        UserError: Its header claims more than the file holds, or than any has.
    """
    with path.open("rb") as file:
        version = file.read(_MARK_BYTES)[-1]
        header = _Header(path, file, os.fstat(file.fileno()).st_size, _COUNT_BYTES[version], _PLACE_BYTES[version])
        header.walk()


@dataclass
class _Header:
    """A header that is being walked.

    Attributes:
        path: The file, for messages.
        file: The file, open where the walk has come to.
        size: Its bytes.
        count_bytes: Bytes of a count.
        place_bytes: Bytes of a place in the file.
        entries: How many entries the walk has met.
    """

    path: Path
    file: BinaryIO
    size: int
    count_bytes: int
    place_bytes: int
    entries: int = 0

    def walk(self) -> None:
        """Walk the whole header."""
        # how many records there are, which the file may leave open
        self._skip(self.count_bytes)
        for _ in range(self._list("dimensions")):
            self._name()
            self._skip(self.count_bytes)
        self._attributes()
        for _ in range(self._list("variables")):
            self._name()
            dimensions = self._claimed("dimensions of a variable")
            self._skip(dimensions * self.count_bytes)
            self._attributes()
            self._skip(_MARK_BYTES + self.count_bytes + self.place_bytes)

    def _attributes(self) -> None:
        """Walk a list of attributes."""
        for _ in range(self._list("attributes")):
            self._name()
            # of a type that is not known the library reads nothing
            value_bytes = _VALUE_BYTES.get(self._number(_MARK_BYTES), 1)
            self._skip_padded(self._number(self.count_bytes) * value_bytes)

    def _list(self, things: str) -> int:
        """How many entries a list has."""
        self._skip(_MARK_BYTES)
        return self._claimed(things)

    def _claimed(self, things: str) -> int:
        """A count of entries; `UserError` where these are more than the file can hold, or than any has."""
        count = self._number(self.count_bytes)
        self.entries += count
        if self.entries > MOST_ENTRIES or count * self.count_bytes > self.size:
            problem = f"its header claims {count:,} {things}, in a file of {self.size:,} bytes"
            raise UserError(f"{self.path} is not opened: {problem}. Copy it again.")
        return count

    def _name(self) -> None:
        """Walk over a name."""
        self._skip_padded(self._number(self.count_bytes))

    def _number(self, length: int) -> int:
        """A number of so many bytes."""
        content = self.file.read(length)
        if len(content) < length:
            raise self._cut_off()
        return int.from_bytes(content)

    def _skip_padded(self, length: int) -> None:
        """Walk over bytes that are filled up to a multiple of four."""
        self._skip(-(-length // 4) * 4)

    def _skip(self, length: int) -> None:
        """Walk over bytes; `UserError` where the file ends before."""
        if length > self.size - self.file.tell():
            raise self._cut_off()
        self.file.seek(length, os.SEEK_CUR)

    def _cut_off(self) -> UserError:
        """That the header goes on where the file ends."""
        problem = f"its header claims more than the {self.size:,} bytes of the file"
        return UserError(f"{self.path} is not opened: {problem}. It is damaged, or cut off: copy it again.")
