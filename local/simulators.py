"""The simulated remotes: whatever the settings do not name for real."""

import fcntl
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from local.app_settings import DEFAULTS, has_own_destination, has_own_source, looks_back, passed_on
from local.azurite import Azurite
from local.identity import ManagedIdentitySimulator
from local.ingestion import IngestionSimulator, read_tables
from local.onepassword import BACKLOG_DAYS, OnePasswordSimulator
from local.tls import Certificates
from local.workspace import Workspace, WorkspaceError

WORKSPACE_FILE = "workspace.duckdb"
_BUNDLE_FILE = "trusted.pem"
_LOCK_FILE = "lock"
_STORAGE_FOLDER = "azurite"


class Simulators:
    """1Password, Logs Ingestion, the identity endpoint and, if wanted, storage, as far as they are not real.

    Attributes:
        settings: app settings for the app, real ones and simulated ones together.
        onepassword: None when the source is real.
        ingestion: None when the destination is real; so are `workspace` and `identity`.
        azurite: None when it is not wanted, and when the settings name a storage account.

    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        app_dir: Path,
        state_dir: Path,
        events: int,
        seed: int,
        storage: bool = False,
    ) -> None:
        self.settings = {**DEFAULTS, **passed_on(environment)}
        self.onepassword: OnePasswordSimulator | None = None
        self.ingestion: IngestionSimulator | None = None
        self.workspace: Workspace | None = None
        self.identity: ManagedIdentitySimulator | None = None
        self.azurite: Azurite | None = None
        self._app_dir = app_dir
        self._state_dir = state_dir
        self._events = events
        self._seed = seed
        self._storage = storage
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        certificates = Certificates()
        try:
            self._claim_state_dir()
            await self._start(certificates)
        except BaseException:
            await self._stack.aclose()
            raise
        bundle = self._state_dir / _BUNDLE_FILE
        certificates.write_bundle(bundle)
        self.settings["SSL_CERT_FILE"] = str(bundle.resolve())
        if {"HTTPS_PROXY", "HTTP_PROXY"} & self.settings.keys():
            self.settings["NO_PROXY"] = ",".join(filter(None, [self.settings.get("NO_PROXY"), "localhost,127.0.0.1"]))
        return self

    @property
    def backlog(self) -> dict[str, int]:
        """How many events each simulated stream has, if the app is told to look back far enough for all of them."""
        if self.onepassword is None or not looks_back(self.settings, BACKLOG_DAYS):
            return {}
        return {name: len(self.onepassword.logs[name]) for name in self.onepassword.features}

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _claim_state_dir(self) -> None:
        """Keep two runs from writing over each other's table, log and certificates."""
        try:
            self._state_dir.mkdir(parents=True, exist_ok=True)
            lock = self._stack.enter_context((self._state_dir / _LOCK_FILE).open("w"))
        except OSError as error:
            message = (
                f"The folder {self._state_dir} cannot be written to: {error.strerror}. Choose another with --state."
            )
            raise WorkspaceError(message) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another run is using {self._state_dir}: end it, or choose another folder with --state."
            raise WorkspaceError(message) from error

    async def _start(self, certificates: Certificates) -> None:
        if not has_own_source(self.settings):
            self.onepassword = OnePasswordSimulator(seed=self._seed, events=self._events, story=True)
            await self.onepassword.start(certificates.server_context())
            self._stack.push_async_callback(self.onepassword.stop)
            self.settings["ONEPASSWORD_TOKEN"] = self.onepassword.token()
        if not has_own_destination(self.settings):
            template = self._app_dir / "azuredeploy.json"
            self.identity = ManagedIdentitySimulator()
            await self.identity.start()
            self._stack.push_async_callback(self.identity.stop)
            file = self._state_dir / WORKSPACE_FILE
            file.unlink(missing_ok=True)
            self.workspace = Workspace(file, read_tables(template))
            self._stack.callback(self.workspace.close)
            self.ingestion = IngestionSimulator(template, self.workspace, accepts_token=self.identity.accepts)
            await self.ingestion.start(certificates.server_context())
            self._stack.push_async_callback(self.ingestion.stop)
            self.settings |= {
                **self.identity.settings(),
                "LOGS_INGESTION_ENDPOINT": self.ingestion.url,
                "LOGS_INGESTION_RULE_ID": self.ingestion.rule_id,
            }
        if self._storage and not any(name.startswith("AzureWebJobsStorage") for name in self.settings):
            await self._start_storage(certificates)

    async def _start_storage(self, certificates: Certificates) -> None:
        folder = self._state_dir / _STORAGE_FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        self.azurite = Azurite(folder, certificates)
        await self.azurite.start()
        self._stack.push_async_callback(self.azurite.stop)
        if self.identity is None:
            # The identity is a real one then, and its tokens are not for a process on this machine.
            self.settings["AzureWebJobsStorage"] = self.azurite.connection_string
        else:
            self.settings |= self.azurite.settings()
