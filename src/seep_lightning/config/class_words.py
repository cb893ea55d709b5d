"""The rule of `classes` of `prepare`: which class the words in a column of polygons mean."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from seep_lightning.config.mask_values import IGNORE
from seep_lightning.errors import UserError

# that a mask of 8 bit can hold
LARGEST_CLASS = 255
# in place of a class: nobody is sure of such polygons
DOUBTFUL = -1

EXAMPLE = "'classes={thin: 1, thick: 2, unsure: ignore}'"


def parsed_class_words(values: Any) -> dict[str, int]:
    """Read `classes`.

    Args:
        values: Classes, or `ignore`, by word: a dictionary, or a text such as `{thin: 1, thick: 2}`, since Hydra's
            grammar takes no letters but English ones there; None for none.

    Returns:
        The class of each word, 1 to `LARGEST_CLASS`, or `DOUBTFUL`; words without spaces around them.

    Raises:
        UserError: It is no dictionary, or a word means no class.
    """
    if values is None:
        return {}
    words = _as_mapping(values)
    return {str(word).strip(): _class_of(word, meaning) for word, meaning in words.items()}


def check_class_words(values: Any) -> None:
    """Check `classes`: null, or a dictionary in which a word means a class.

    Raises:
        UserError: It has no meaning.
    """
    words = parsed_class_words(values)
    if values is not None and not any(meaning != DOUBTFUL for meaning in words.values()):
        raise UserError(f"classes={values}: no word means a class of seep. Expected such as {EXAMPLE}.")


def class_words_text(values: Any) -> Any:
    """Write the dictionary that Python gave as the text that `parsed_class_words` takes; anything else stays."""
    return json.dumps(values, ensure_ascii=False) if isinstance(values, Mapping) else values


def _as_mapping(values: Any) -> Mapping[Any, Any]:
    """The dictionary, also where it was typed."""
    typed = values
    if isinstance(values, str):
        try:
            # all words stay texts: `yes` and `no` too
            typed = yaml.load(values, yaml.BaseLoader)
        except (yaml.YAMLError, RecursionError):
            typed = None
    if not isinstance(typed, Mapping):
        raise UserError(f"classes={values}: expected a class for each word, such as {EXAMPLE}.")
    return typed


def _class_of(word: Any, meaning: Any) -> int:
    """What a word means; `UserError` where it is no class."""
    if meaning == IGNORE:
        return DOUBTFUL
    text = str(meaning)
    if text.isdecimal() and 1 <= int(text) <= LARGEST_CLASS:
        return int(text)
    raise UserError(f"classes: {word} is mapped to {meaning}; expected a class, 1 to {LARGEST_CLASS}, or {IGNORE}.")
