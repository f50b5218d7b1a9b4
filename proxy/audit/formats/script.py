"""The only script of the HTML report: a click on the head of a column sorts its table, down first, then up.

Tests: tests/e2e/pages/test_audit_page.py.
"""

SCRIPT = """
const UNITS = { s: 1e3, kB: 1e3, MB: 1e6 };
const IMPACTS = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
function sortKey(cell) {
  const text = cell.textContent.trim();
  if (IMPACTS.includes(text)) return IMPACTS.indexOf(text);
  const number = /^(-?[\\d,]+(?:\\.\\d+)?)\\s*(\\S*)$/.exec(text);
  return number ? Number(number[1].replaceAll(",", "")) * (UNITS[number[2]] ?? 1) : text;
}
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0;
}
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = button.closest("table").tBodies[0];
    const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    const key = (row) => sortKey(row.cells[head.cellIndex]);
    body.append(...[...body.rows].sort((one, other) => sign * compare(key(one), key(other))));
  });
}
"""
