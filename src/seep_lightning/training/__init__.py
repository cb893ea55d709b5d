"""A training: the LightningModule, losses, schedules, callbacks, loggers, the session that owns a run's status.

Knows tensors and Lightning. May import `reporting` (panels), `evaluation`, `predictor` and what lies below.
"""
