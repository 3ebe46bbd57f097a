"""Bodies are compressed as Logs Ingestion takes them, by whichever compressor there is."""

import gzip

import pytest
from isal import igzip_lib

from onepassword_sentinel import compression

BODY = b"[" + b",".join(b'{"log_source":"auditevents","aux_id":%d}' % number for number in range(500)) + b"]"


@pytest.mark.parametrize("compressor", [igzip_lib, None], ids=["isal", "zlib"])
@pytest.mark.parametrize("body", [b"[]", BODY], ids=["small", "large"])
def test_what_comes_out_is_what_went_in(body: bytes, compressor: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no wheel of isal, the app works all the same; the same body gives the same bytes."""
    monkeypatch.setattr(compression, "igzip_lib", compressor)
    compressed = compression.compress(body)
    assert gzip.decompress(compressed) == body
    assert compressed == compression.compress(body)
    assert len(compressed) < 100 or len(compressed) < len(body) / 5


def test_the_faster_compressor_is_used() -> None:
    """It is there, on this machine and in the package."""
    assert compression.igzip_lib is igzip_lib
