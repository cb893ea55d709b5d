"""Decoded chips: how their pixels lie in a record, and where the records of a data set are kept, in memory or a file.

Knows the pixels of chips, and neither data sets nor settings. May import `data.images` and what lies below `data`.
"""
