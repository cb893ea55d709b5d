"""From the maps of many days to the places where seeps come out: cells, days, recurrence, sources, origins.

Imports what lies below `mapping`: scenes, data, documents, files; neither torch nor Lightning.
"""
