"""Networks: pure torch, (B, C, H, W) to logits (B, K, H, W)."""
