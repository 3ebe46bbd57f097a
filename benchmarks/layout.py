"""Tables laid out: for a terminal, and for a document."""

from collections.abc import Iterable, Sequence

type Row = Sequence[str]


def plain(rows: Sequence[Row]) -> str:
    """Lay a table out for a terminal; all but the first column are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(heads: Row, rows: Iterable[Row], sides: str = "") -> str:
    """Lay a table out for a document; `sides` has an l or an r for each column, or all but the first are numbers."""
    rule = ["---:" if side == "r" else "---" for side in sides or "l" + "r" * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))
