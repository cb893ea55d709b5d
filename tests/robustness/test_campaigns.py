"""Damaged, wrong and odd inputs against every verb: a right result or one line, whatever is given.

All of them are seeded samples of what `python -m helpers.robustness --list` prints; it also tries one input again.
"""

import pytest

from helpers.robustness.all_inputs import CAMPAIGNS, inputs_of_campaign
from helpers.robustness.campaign import Campaign, Counts, Input, fault_lines, sampled

SEEDS = (1, 2)
SIZES = {"damage": 900, "keys": 500, "names": 160, "at once": 51}
"""Inputs of each campaign for each seed: more than 3,000 in all."""
SAMPLE_SEED = 3
SAMPLE = {"damage": 6, "keys": 3, "names": 3}
"""Of those that need neither a training nor a map: under a minute with all that is made for them."""
QUICK_MATERIALS = ("chips", "layers", "masks")


def assert_all_keep_the_rule(campaign: Campaign, inputs: list[Input], seed: int, counts: Counts) -> None:
    verdicts = campaign.run(inputs, seed, counts.add)
    assert len(verdicts) == len(inputs)
    broken = fault_lines(verdicts, seed)
    assert not broken, "\n".join(broken)


@pytest.mark.robustness
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_no_input_breaks_the_rule(campaign: Campaign, name: str, seed: int, counts: Counts) -> None:
    inputs = sampled(inputs_of_campaign(name, campaign), SIZES[name], seed)
    assert_all_keep_the_rule(campaign, inputs, seed, counts)


@pytest.mark.slow
def test_a_sample_of_all_inputs_keeps_the_rule(small_campaign: Campaign, counts: Counts) -> None:
    chosen: list[Input] = []
    for name, size in SAMPLE.items():
        inputs = inputs_of_campaign(name, small_campaign, QUICK_MATERIALS)
        chosen += sampled(inputs, size, SAMPLE_SEED)
    assert len(chosen) == sum(SAMPLE.values())
    assert_all_keep_the_rule(small_campaign, chosen, SAMPLE_SEED, counts)
