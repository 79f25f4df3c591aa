"""Series that never grow: the whole session at the finest resolution that fits."""


class History:
    """Rows of numbers, one a moment. When `most` are kept, every other one goes and only every second new one stays.

    Members
    -------
    names : of the columns, the first of them the time.
    rows : oldest first, evenly spaced.
    """

    def __init__(self, names: tuple[str, ...], most: int = 600):
        self.names, self.most = names, most
        self.rows: list[tuple[int | None, ...]] = []
        self._stride = self._count = 0

    def add(self, row: tuple[int | None, ...]) -> None:
        self._count += 1
        if self._stride and self._count % (1 << self._stride):
            return
        self.rows.append(row)
        if len(self.rows) >= self.most:
            self.rows = self.rows[1::2]
            self._stride += 1

    def columns(self) -> list[list[int | None]]:
        """One list a column. Safe to ask from another thread than `add`'s."""
        rows = list(self.rows)
        return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in self.names]
