"""Modules that can be called: `seep_lightning.train` is the module of `seep train`, and the function for notebooks.

`python -m seep_lightning.train` needs a module of this name, and a notebook wants a function of this name. Python binds
an imported module as an attribute of its package, and would replace a function there, at a moment that depends on who
imports what first. So the module itself is the function too, in every order of imports.
"""

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """A module that passes calls on to a function.

    Attributes:
        __wrapped_function__: The function.
    """

    __wrapped_function__: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.__wrapped_function__(*args, **kwargs)


def make_callable(module_name: str, function: Callable[..., Any]) -> None:
    """Let a module be called like a function.

    Args:
        module_name: `__name__` of the module. Run as a program it is `__main__`, and stays as it is.
        function: What a call of the module calls.
    """
    if module_name == "__main__":
        return
    module = sys.modules[module_name]
    module.__class__ = CallableModule
    module.__dict__["__wrapped_function__"] = function
    # for `help` and for the hints of notebooks
    module.__dict__["__signature__"] = inspect.signature(function)
