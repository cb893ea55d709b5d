"""The run directory, the contract between all commands: its contents, its checkpoints, what may change on resume.

May import `data`, `metrics`, `config` and what lies below.
"""
