"""A training: the LightningModule, losses, schedules, callbacks, loggers, the session that owns a run's status.

`cases` says what a command has to do, and `session` does it: `building` makes the module, `trainer` Lightning's Trainer
with `callbacks` and `loggers`, `fit` trains, `outcome` measures, `record` keeps the status.

Knows tensors and Lightning. May import `reporting` (panels), `evaluation`, `predictor` and what lies below.
"""
