"""What looks like a secret, in texts that are kept or shown: it is replaced by stars."""

import re
from collections.abc import Mapping
from typing import Any

STARS = "***"
# scheme://USER:PASSWORD@host
_URL_PASSWORD = re.compile(
    r"(?P<before>(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]+://[^\s/:@'\"]*:)(?P<secret>[^\s/@'\"]+)(?=@)"
)
# what keys and options that hold a secret are called
_SECRET_WORD = r"(?:api[_-]?key|access[_-]?key|secret(?:[_-]?key)?|(?:auth[_-]?)?token|pass(?:word|wd)?|credentials?)"
_SECRET_KEY = re.compile(rf"(?:^|[_-]){_SECRET_WORD}$", re.IGNORECASE)
_SECRET_SETTING = re.compile(
    rf"(?P<before>(?<![\w-])(?:[\w-]*[\d_-])?{_SECRET_WORD}['\"]?\s*[=:]\s*['\"]?)(?P<secret>[^\s'\",;&}}]+)",
    re.IGNORECASE,
)
# values under such a key that tell nothing
_NO_SECRETS = ("", "null", "none", "true", "false", STARS)


def masked(text: str) -> str:
    """A text with stars for passwords in URLs and for what follows `token=`, `api_key:` and the like.

    Args:
        text: Of one line or many.
    """
    text = _URL_PASSWORD.sub(lambda match: match["before"] + STARS, text)
    return _SECRET_SETTING.sub(_masked_setting, text)


def masked_values(value: Any, key: str = "") -> Any:
    """Mappings and lists with stars for what looks like a secret.

    Args:
        value: A tree, or a leaf of one.
        key: Under which it stands.
    """
    if isinstance(value, Mapping):
        return {name: masked_values(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_values(item, key) for item in value]
    if isinstance(value, str):
        return STARS if is_secret(key, value) else masked(value)
    return value


def is_secret(key: str, value: str) -> bool:
    """Whether a value looks like a secret, by its key or by itself.

    Args:
        key: The last part of its key, such as `api_key`.
        value: The value; a reference such as `${oc.env:TOKEN}` is no secret.
    """
    if value.startswith("${") or value.lower() in _NO_SECRETS:
        return False
    return _SECRET_KEY.search(key) is not None or _URL_PASSWORD.search(value) is not None


def _masked_setting(match: re.Match[str]) -> str:
    """A setting with stars for its value."""
    secret = match["secret"]
    if secret.startswith("${") or secret.lower() in _NO_SECRETS:
        return match[0]
    return match["before"] + STARS
