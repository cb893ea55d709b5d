"""Trained folds as one experiment: each chip told by the run that did not learn from it, laid into scenes, and pooled.

May import `mapping`, `reporting` and what lies below.
"""
