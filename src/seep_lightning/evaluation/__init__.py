"""A trained network scored on chips: probabilities to counts, figures, and the folder `evaluate/<name>` of a run.

May import `predictor`, `commands`, `runs`, `metrics`, `data` and what lies below.
"""
