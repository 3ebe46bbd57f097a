"""The function app that the worker indexes."""

from typing import Final

import azure.durable_functions as df
import azure.functions as func

# The SDK adds them to each app for `call_http`, which no orchestrator here uses. The Functions host refuses the binding
# of one of them, with an error in its log at each start.
_BUILT_IN: Final = "BuiltIn__"


class App(df.DFApp):
    """Durable Functions' app without the SDK's own functions."""

    def get_functions(self) -> list[func.Function]:
        """Build the functions that this app's blueprints registered."""
        built = super().get_functions()
        return [function for function in built if not str(function.get_function_name()).startswith(_BUILT_IN)]
