"""Where the project is published, and what follows from it: addresses of the template, the package and the buttons."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from onepassword_sentinel import __version__

# Flex Consumption asks for the first of these names (Azure Functions, "Infrastructure as code", deployment package).
# The backend is in the package, not in an app setting: the platform's scale controller is told what the file host.json
# says (azure-functions-host, FunctionsSyncManager), and would wake nobody for a backend that it does not know of.
PACKAGES: Final = {
    "AzureStorage": "released-package.zip",
    "DurableTaskScheduler": "released-package.durable-task-scheduler.zip",
}
# Each with the picture of its button.
PORTALS: Final = {
    "Azure": ("https://portal.azure.com", "https://aka.ms/deploytoazurebutton"),
    "Azure Government": ("https://portal.azure.us", "https://aka.ms/deploytoazuregovbutton"),
}

_BUTTONS: Final = re.compile(r"(<!-- buttons -->\n).*?(\n<!-- /buttons -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of the project at the address of its repository, `https://github.com/<owner>/<name>`."""

    repository: str
    version: str

    @classmethod
    def read(cls, root: Path) -> Self:
        """Read the address from pyproject.toml, where alone it stands."""
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return cls(project["urls"]["Repository"], __version__)

    @property
    def package_uri(self) -> str:
        """The template's expression for the package of this very version: those of two versions may not fit."""
        released = f"{self.repository}/releases/download/v{self.version}/"
        on_scheduler = "equals(parameters('durableBackend'), 'DurableTaskScheduler')"
        names = f"'{PACKAGES['DurableTaskScheduler']}', '{PACKAGES['AzureStorage']}'"
        return f"[concat('{released}', if({on_scheduler}, {names}))]"

    def raw(self, file: str) -> str:
        """Address a file of this version as the portal can read it: from another site, and without a redirect."""
        return f"{self.repository.replace('//github.com/', '//raw.githubusercontent.com/')}/v{self.version}/{file}"

    def document(self, file: str) -> str:
        """Address a document of this version, for people."""
        return f"{self.repository}/blob/v{self.version}/{file}"

    def button(self, portal: str) -> str:
        """Address the wizard in a portal."""
        template, wizard = (quote(self.raw(file), safe="") for file in ("azuredeploy.json", "createUiDefinition.json"))
        return f"{portal}/#create/Microsoft.Template/uri/{template}/createUIDefinitionUri/{wizard}"


def buttons(publication: Publication) -> list[str]:
    """Write the buttons that open the wizard, one for each portal."""
    return [
        f"[![Deploy to {name}]({picture})]({publication.button(portal)})" for name, (portal, picture) in PORTALS.items()
    ]


def with_buttons(document: str, publication: Publication) -> str:
    """Put the buttons between the document's two marks.

    Raises:
        ValueError: it has no such marks.

    """
    written, places = _BUTTONS.subn(lambda marks: marks[1] + "\n".join(buttons(publication)) + marks[2], document)
    if places != 1:
        raise ValueError("the document has no place for the buttons: <!-- buttons --> and <!-- /buttons -->")
    return written
