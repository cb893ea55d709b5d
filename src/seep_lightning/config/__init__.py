"""The typed schema of `conf/`: every key that is ours, its type, its default and its rule; the building of `_target_`.

`data`, `training` and `commands` hold the schema, `rules` the check of its ranges, `targets` how a class that a config
names is built. May import `scene.options`, whose dataclasses the schema includes, `ranges` and `errors`, nothing heavy.
"""
