// The main element, and how a refresh replaces its content without disturbing the user.

export const main = document.getElementById("main");

// Whether the user has selected text, which a redraw would deselect.
export function isSelecting() {
  const selection = getSelection();
  return !selection.isCollapsed && main.contains(selection.anchorNode);
}

// Replace the content, but keep open details, the focus and horizontal scroll positions.
export function redraw(children) {
  const open = new Set([...main.querySelectorAll("details[open][data-key]")].map((details) => details.dataset.key));
  const scrolled = [...main.querySelectorAll(".wide")].map((box) => box.scrollLeft);
  const restoreFocus = keepFocus();
  main.replaceChildren(...children.filter(Boolean));
  for (const details of main.querySelectorAll("details[data-key]")) details.open ||= open.has(details.dataset.key);
  main.querySelectorAll(".wide").forEach((box, index) => (box.scrollLeft = scrolled[index] ?? 0));
  restoreFocus();
}

// A function that restores the focus and the caret in the element with the same key.
function keepFocus() {
  const active = main.contains(document.activeElement) ? document.activeElement : null;
  const key = active?.closest("[data-key]")?.dataset.key;
  const caret = active?.selectionStart;
  return () => {
    const same = key === undefined ? null : main.querySelector(`[data-key="${CSS.escape(key)}"]`);
    (same?.querySelector(":scope > summary") ?? same)?.focus({ preventScroll: true });
    if (caret != null) same?.setSelectionRange?.(caret, caret);
  };
}
