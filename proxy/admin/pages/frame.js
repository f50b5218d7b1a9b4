// The part of the document that is the page, and how it is drawn anew under the eyes of a reader.

export const main = document.getElementById("main");

// Whether somebody marks text, which drawing would undo.
export function isMarking() {
  const marked = getSelection();
  return !marked.isCollapsed && main.contains(marked.anchorNode);
}

// What is open stays open, where the focus is it stays, and what was scrolled sideways too.
export function redraw(children) {
  const open = new Set([...main.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key));
  const aside = [...main.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  const focus = keepFocus();
  main.replaceChildren(...children.filter(Boolean));
  for (const one of main.querySelectorAll("details[data-key]")) one.open ||= open.has(one.dataset.key);
  main.querySelectorAll(".wide").forEach((one, at) => (one.scrollLeft = aside[at] ?? 0));
  focus();
}

// A function that puts the focus, and the caret, back to the element of the same key.
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
