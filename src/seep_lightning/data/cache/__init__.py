"""What is kept of a data set that was read once, so that the next start of any command decodes none of its chips.

`keys` says what a result depends on, `folder` where files lie, `pixel_store` and `pixel_file` hold decoded pixels,
`measured_set` what was measured, and `last_set` remembers the set that this process read last. A file that is damaged,
or of another data set, is as good as none: it is made again. May import what `data` may.
"""
