"""Microsoft's Durable Functions extension with its Azure Storage provider on Azurite: the engine that runs in Azure.

It is a .NET program (`durable-host/` in this repository) in a process of its own. Azurite serves one scheme, so there
are two of it: one over HTTP for what the engine stores, which a connection string reaches, and one over HTTPS for the
app's own blobs, which an identity reaches as in Azure (`local.azurite`). Tests that stop the app's storage leave the
engine's running.
"""

from local.extension.engine import ExtensionEngine
from local.extension.program import ProgramMissingError, find_program
from local.extension.storage import HubStorage

__all__ = ["ExtensionEngine", "HubStorage", "ProgramMissingError", "find_program"]
