"""What every command shares: Hydra's entry, overrides and their quoting, one-line errors, tables, progress.

A command itself is a module at the top of the package, such as `train.py`, and a function of `api.py` for notebooks.
May import `runs` and what lies below.
"""
