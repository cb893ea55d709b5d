"""What is kept of a data set that was read once, so that the next start of any command decodes none of its chips.

`keys` says what a result depends on, `folder` where files lie, `measured_set` holds what was measured, and `last_set`
remembers the set that this process read last; decoded pixels are those of `data.pixel_stores`. A file that is damaged,
or of another data set, is as good as none: it is made again. May import `data.chips` and what chips are made of.
"""
