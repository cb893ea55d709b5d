"""Trained networks over whole scenes: what to map, the mapper of one scene, workers on this or other machines.

May import all rooms but `sweeps` and the commands.
"""
