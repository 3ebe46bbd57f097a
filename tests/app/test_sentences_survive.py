"""Sentences that are raised survive the platform, which hides what looks like a credential."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("onepassword_sentinel", "orchestrators", "activities", "entities")
# From one of these on, the Functions host replaces an error's text (Sanitizer.cs of azure-functions-host).
CREDENTIAL: Final = re.compile(
    r"Token=|DefaultEndpointsProtocol=http|AccountKey=|Data Source=|Server=|Password=|pwd=|SharedAccessKey=|key=|"
    r"[&?](?:amp;)?(?:sig|code)=|\w+=\x00",
    re.IGNORECASE,
)


def texts(path: Path) -> Iterator[str]:
    """Yield the sentences that a module raises or reports; a NUL stands for what is put in."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.JoinedStr(values=values):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\x00" for part in values)
            case ast.Constant(value=str(text)) if " " in text:
                yield text


@pytest.mark.parametrize(
    "path",
    [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_sentence_looks_like_a_credential(path: Path) -> None:
    """The host would cut it off there, and an operator would read `[Hidden Credential]`."""
    assert [text for text in texts(path) if CREDENTIAL.search(text)] == []
