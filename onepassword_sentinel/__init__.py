"""1Password events into Microsoft Sentinel: the core.

It imports no Azure Functions, reads no environment and owns no globals; everything it needs is passed in.
"""

__version__ = "0.1.0"
