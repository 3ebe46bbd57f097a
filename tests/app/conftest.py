"""The app's parts run under the setting that the app is deployed with."""

import os

os.environ["AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"] = "1"
