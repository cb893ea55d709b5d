"""The typed schema of `conf/`: every field that is ours with its default and its rule, and the building of `_target_`.

May import `scene.options`, whose dataclasses the schema includes, and the errors; nothing heavy.
"""
