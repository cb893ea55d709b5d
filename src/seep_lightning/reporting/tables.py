"""Score a run on a part of its data, or on other data: `python -m seep_lightning.evaluate`."""

from typing import Any

from seep_lightning.commands.tables import print_table

COLUMNS = ("dice", "jaccard", "precision", "recall", "dice_per_chip")


def print_figures(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Print pooled figures, one named row each."""
    print_table(title, rows, COLUMNS)


def print_evaluation(summary: dict[str, Any]) -> None:
    """The table of an evaluation, with the floor under it, and that of objects."""
    from seep_lightning.metrics.objects import rows as object_rows

    rows = {f"{summary['part']}, at {summary['threshold']:.4f}": summary["figures"]}
    rows.setdefault(f"{summary['part']}, at 0.5000", summary["figures_at_0.5"])
    cut = f"darker than {summary['floor']['dark_threshold']:.2f} x median (floor)"
    rows[cut] = {"dice": summary["floor"]["dice"]}
    print_figures(f"{summary['data']['chips']} chips, split: {summary['split']}", rows)
    scored = summary["objects"]
    print_table("objects", object_rows(scored), ("recall", "true", "precision", "predicted"))
    false = f"{scored['false_per_megapixel']:.1f} false objects a megapixel of sea"
    print(f"centre-line recall {scored['centre_line_recall']:.3f}, boundary F1 {scored['boundary_f1']:.3f}, {false}")
    if told := summary.get("classes"):
        macro = {"macro": {"dice": told["macro_dice"]}}
        print_table("classes", told["by_class"] | macro, ("dice", "precision", "recall", "pixels"))
    print(f"calibration error {summary['calibration_error']:.4f}, over pixels with a probability of at least 0.01")
    soft = ", ".join(f"{k}={v:.3f}" for k, v in summary["soft"].items() if k != "batch_size")
    print(f"the notebook's soft figures (mean over batches of {summary['soft']['batch_size']}): {soft}")
    print(f"written to {summary['out']}")
