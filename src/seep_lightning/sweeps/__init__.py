"""Searches over settings: Optuna asks, Hydra's launcher runs one job, its end is told.

May import all rooms but the commands.
"""
