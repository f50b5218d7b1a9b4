"""``python -m tests.docs`` writes the table of folders again, and what is made of the benchmarks' figures."""

from proxy.reference.parts import renewed
from tests.bench import audit_gain, page
from tests.docs.folders import ARCHITECTURE, folders

ARCHITECTURE.write_text(
    renewed(ARCHITECTURE.read_text(encoding="utf-8"), {"folders": "\n" + folders()}), encoding="utf-8"
)
page.write_pages(page.read())
audit_gain.write_pages(audit_gain.read())
