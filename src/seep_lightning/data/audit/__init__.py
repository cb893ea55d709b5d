"""The audit of a data set: the traps that are known, and what `check` and `train` say of them.

`trap` says what a trap is, `traps` declares all of them in one table, `auditing` reads the chips once and asks each.
The measurements lie by what they look at: `nodata_traps`, `mask_traps`, `picture_traps`, `part_traps`, `name_traps`,
with `alignment` and `near_twins` as their tools.

Knows files and numpy. May import the rest of `data`, but for `datamodule`.
"""
