"""azuredeploy.json and the README's buttons are what their parts make."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from deploy.build import build
from deploy.content.tables import one_line
from deploy.json_layout import laid_out
from deploy.publication import PACKAGES, Publication, with_buttons

ROOT = Path(__file__).resolve().parents[2]
PUBLICATION = Publication("https://github.com/owner/name", "1.2.3")


def test_the_template_is_up_to_date() -> None:
    """What is committed is what `make build` makes now."""
    made = laid_out(build(Publication.read(ROOT).package_uri))
    assert (ROOT / "azuredeploy.json").read_text(encoding="utf-8") == made, "run `make build`, and commit the result"


def test_the_buttons_are_up_to_date() -> None:
    """The README's buttons lead to the wizard of this version at the repository's one address."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_buttons(readme, Publication.read(ROOT)), "run `make build`, and commit the result"


def test_the_repository_s_address_stands_in_one_place() -> None:
    """Besides pyproject.toml only what `make build` makes says where the project is published."""
    address = Publication.read(ROOT).repository.removeprefix("https://github.com/")
    # What other commands made is in folders of these names.
    made = re.compile(r"\.(?!github$|ci$)|(node_modules|dist|__pycache__)$")
    tops = [path for path in ROOT.iterdir() if path.is_file() or not made.match(path.name)]
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*"))]
    kinds = {".md", ".json", ".toml", ".py", ".yml", ".yaml", ".kql", ".txt"}
    texts = {file: unquote(file.read_text(encoding="utf-8")) for file in files if file.suffix in kinds}
    assert len(texts) > 200
    places = {str(file.relative_to(ROOT)) for file, text in texts.items() if address in text}
    assert places == {"pyproject.toml", "azuredeploy.json", "README.md"}


def test_a_button_opens_the_wizard() -> None:
    """A portal is given the template and the wizard of the tag, each as one encoded address that it can read."""
    raw = "https%3A%2F%2Fraw.githubusercontent.com%2Fowner%2Fname%2Fv1.2.3%2F"
    assert PUBLICATION.button("https://portal.azure.us") == (
        "https://portal.azure.us/#create/Microsoft.Template/uri/"
        f"{raw}azuredeploy.json/createUIDefinitionUri/{raw}createUiDefinition.json"
    )


def test_the_package_is_the_version_s_own() -> None:
    """A template deploys a package that was released with it, not the latest one."""
    assert "'https://github.com/owner/name/releases/download/v1.2.3/'" in PUBLICATION.package_uri
    assert all(f"'{name}'" in PUBLICATION.package_uri for name in PACKAGES.values())


def test_a_document_without_a_place_for_buttons() -> None:
    """Buttons are never silently left out."""
    with pytest.raises(ValueError, match="no place for the buttons"):
        with_buttons("# Readme", PUBLICATION)


def test_a_transformation_becomes_one_line() -> None:
    """Comments go, and so do line breaks; an address in a string stays."""
    assert one_line("// why\nsource\n| extend a = 'https://x'  \n  // how\n| take 1\n") == (
        "source | extend a = 'https://x' | take 1"
    )


def test_laid_out_json_says_the_same() -> None:
    """The layout changes no value, puts short objects on a line, and long ones on several."""
    value = {"a": [{"name": "x", "type": "string"}], "b": ["y" * 70, "z" * 70], "c": {}, "d": "é"}
    text = laid_out(value)
    assert json.loads(text) == value
    assert '{"name": "x", "type": "string"}' in text
    assert text.count("\n") > 5
    assert "é" in text
