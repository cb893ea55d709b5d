"""Campaigns of damaged, wrong and odd inputs against every verb: see `campaign` and tests/robustness."""
