"""`make build`: write azuredeploy.json, docs/content.md and the README's buttons from their parts."""

from pathlib import Path

from deploy.build import build
from deploy.content.documents import content_document
from deploy.json_layout import laid_out
from deploy.publication import Publication, with_buttons

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "azuredeploy.json"
README = ROOT / "README.md"
DOCUMENT = ROOT / "docs" / "content.md"


def main() -> None:
    """Write them; what is up to date stays as it is."""
    publication = Publication.read(ROOT)
    TEMPLATE.write_text(laid_out(build(publication.package_uri)), encoding="utf-8")
    DOCUMENT.write_text(content_document(), encoding="utf-8")
    README.write_text(with_buttons(README.read_text(encoding="utf-8"), publication), encoding="utf-8")
    print(f"{TEMPLATE.name}: {TEMPLATE.stat().st_size:,} bytes, for version {publication.version}")


if __name__ == "__main__":
    main()
