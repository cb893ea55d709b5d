"""Searches over settings: Optuna asks, Hydra's launcher runs one job, its end is told.

`space` holds what is searched, `study` asks Optuna for the next trial, `trial_jobs` runs it, `search` is the loop.
Hydra's plugin `hydra_plugins.seep_optuna` calls it.

May import all rooms but the commands.
"""
