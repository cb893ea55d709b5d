"""`seep VERB ...` and `python -m seep_lightning VERB ...`: the same as `python -m seep_lightning.VERB ...`."""

import runpy
import sys

from seep_lightning.working_folder import look_into_working_folder_last

VERBS = {
    "train": "train, or resume, one network (-m for a sweep)",
    "evaluate": "score a run on a part of its data, or on other data",
    "predict": "scenes or chips to rasters and polygons",
    "export": "a run's network as one file, ONNX or torch",
    "prepare": "scenes and an analyst's polygons to chips and masks",
    "compare": "runs side by side, ranked by validation; two of them paired",
    "report": "one page about a run or a sweep: figures, curves, calibration, best and worst chips",
    "check": "audit a data set before anyone trains on it",
    "qgis": "install Processing scripts in QGIS: map oil seeps, cut chips",
}


def main() -> None:
    """Run the verb that the command line names, with the rest of the command line."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if verb in ("-h", "--help"):
        print_usage()
        return
    if verb not in VERBS:
        print(f"seep: there is no verb {verb!r}. Choose one of {', '.join(VERBS)}.", file=sys.stderr)
        sys.exit(2)
    sys.argv[1:] = sys.argv[2:]
    look_into_working_folder_last(verb)
    # as `__main__`, so that DDP's other processes find the module by its name
    runpy.run_module(f"seep_lightning.{verb}", run_name="__main__", alter_sys=True)


def print_usage() -> None:
    """Print the verbs and what each is for."""
    print("usage: seep VERB [key=value ...]      (seep VERB --help for its keys)\n")
    for verb, purpose in VERBS.items():
        print(f"  {verb:10} {purpose}")


if __name__ == "__main__":
    main()
