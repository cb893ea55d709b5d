"""Networks, as plain torch modules: (B, C, H, W) to logits; and what brings other libraries' networks to that shape.

May import `compat`, `config.targets` and the errors.
"""
