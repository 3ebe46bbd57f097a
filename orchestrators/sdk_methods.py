"""Puts a method of ours around a private one of the SDK, where the SDK falls short."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

# On the method that `wrap` made: an SDK may wrap its own methods.
_WRAPPED: Final = "_onepassword_wrapped"


def wrap(sdk: object, class_name: str, method_name: str, around: Callable[..., Any]) -> None:
    """Have `around` called in place of a method, with the method as its first argument.

    Once; and not at all where the SDK has no such class or method.
    """
    class_ = getattr(sdk, class_name, None)
    method = getattr(class_, method_name, None)
    if method is None or hasattr(method, _WRAPPED):
        return

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(method, *args, **kwargs)

    setattr(call, _WRAPPED, True)
    setattr(class_, method_name, call)
