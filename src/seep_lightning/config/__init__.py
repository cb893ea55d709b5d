"""The typed schema of `conf/`: every key that is ours, its type, its default and its rule; the building of `_target_`.

`data`, `training` and `commands` hold the schema, `rules` what a field may be, `targets` how a class that a config
names is built. May import `scene.options`, whose dataclasses the schema includes, and the errors; nothing heavy.
"""
