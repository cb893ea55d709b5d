"""`python -m seep_lightning.sources`, as the other verbs: the module of the verb cannot have this package's name."""

import runpy

VERB_MODULE = "seep_lightning.find_sources"

if __name__ == "__main__":
    runpy.run_module(VERB_MODULE, run_name="__main__", alter_sys=True)
