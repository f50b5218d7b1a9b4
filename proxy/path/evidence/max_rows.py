"""What is known of PostgREST's db-max-rows, which cuts rows silently, and when that proves an answer complete.

An earlier answer proves nothing about the answer at hand: max-rows changes with every reload of PostgREST's
configuration, which closes no connection. So only a configured value is a proof, until an answer refutes it.

Sources: docs/explanation/merging.md#max-rows, docs/explanation/architecture.md#completeness.
"""


class MaxRowsEvidence:
    """The value of max-rows: configured, or learned from a cut answer.

    A learned value only serves to choose the size of calls. It expires after ``lifetime`` seconds.
    """

    def __init__(self, configured: int | None, lifetime: float) -> None:
        self._configured = configured
        self._lifetime = lifetime
        self._learned: tuple[float, int] | None = None
        self.refuted_by: int | None = None
        """Rows of an answer that max-rows has cut although it has fewer rows than configured; None if there is none."""

    def configure(self, configured: int | None) -> None:
        """Use the value in new settings, which counts again even if it was refuted."""
        self._configured, self.refuted_by = configured, None

    def known(self, now: float) -> int | None:
        """The value of max-rows if it is configured or was learned within the lifetime."""
        if self._configured is not None and self.refuted_by is None:
            return self._configured
        if self._learned is not None and now - self._learned[0] > self._lifetime:
            self._learned = None
        return None if self._learned is None else self._learned[1]

    def record_rows(self, rows: int) -> None:
        """Record a GET of a table or view whose Content-Range has ``rows`` rows: max-rows is at least that."""
        if self._learned is not None and rows > self._learned[1]:
            self._learned = None

    def record_cut(self, rows: int, now: float) -> None:
        """Record an answer without a limit whose total is larger than its ``rows`` rows: max-rows is ``rows``."""
        self._learned = (now, rows)
        if self._configured is not None and rows < self._configured:
            self.refuted_by = rows

    def proves_whole(self, rows: int) -> bool:
        """Whether an answer of ``rows`` rows is complete by what the operator says of max-rows."""
        return self._configured is not None and self.refuted_by is None and rows < self._configured

    def allows(self, rows: int) -> bool:
        """Whether max-rows is at least ``rows`` by what the operator says."""
        return self.proves_whole(rows - 1)
