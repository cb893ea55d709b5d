"""The parts of a split, and what others call them."""

PARTS = ("train", "val", "test")
HELD_OUT_PARTS = ("val", "test")
PART_SYNONYMS = {"training": "train", "valid": "val", "validation": "val", "dev": "val", "testing": "test"}
