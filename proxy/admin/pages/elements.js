// Creates elements. Data of the API comes from untrusted clients: it enters the page as text, never as markup.

// Attributes: a function becomes an event listener, true an empty attribute; false and null are omitted, as in children.
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, name === "title" ? plain(String(value)) : value);
  }
  element.append(...children.flat(Infinity).filter(isPresent).map(asNode));
  return element;
}

const isPresent = (child) => child != null && child !== false;
const asNode = (child) => (child instanceof Node ? child : document.createTextNode(plain(String(child))));

// Bidirectional control characters are shown as escapes, so that they cannot reorder the text around them.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const plain = (text) => text.replace(BIDI, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

// The same for drawings (https://www.w3.org/TR/SVG2/).
export function drawing(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);

// Text for screen readers only.
export const unseen = (text) => el("span", { class: "unseen" }, text);

// A table, which scrolls in its own box if it is wider than the page. Heads are [text, class, tooltip].
export function table(label, heads, body) {
  const head = heads.map(([text, kind, hint]) => el("th", { scope: "col", class: kind ?? null, title: hint }, text));
  return wide(label, el("table", {}, el("thead", {}, el("tr", {}, head)), body instanceof Node ? body : el("tbody", {}, body)));
}

// A tab stop, so that it can be scrolled by keyboard.
export const wide = (label, content) => el("div", { class: "wide", role: "region", "aria-label": label, tabindex: 0 }, content);

// A list of terms with their descriptions.
export const terms = (pairs, kind = null) =>
  el("dl", { class: kind }, pairs.flatMap(([name, description]) => [el("dt", {}, name), el("dd", {}, description)]));

// Text with a button to copy it; null for empty text.
export function code(label, text) {
  if (!text) return null;
  const block = el("pre", {}, text);
  const status = el("span", { role: "status" });
  const copy = el("button", { type: "button", click: () => copyText(block, status) }, "Copy", unseen(` ${label}`));
  return el("div", { class: "code" }, el("div", {}, label, copy, status), block);
}

export async function copyText(block, status) {
  try {
    await navigator.clipboard.writeText(block.textContent);
    status.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(block); // without https there is no clipboard: select the text instead
    status.textContent = "Selected: copy it";
  }
  setTimeout(() => (status.textContent = ""), 1500);
}
