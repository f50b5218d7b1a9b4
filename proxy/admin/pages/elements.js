// Elements. What the API tells may have been written by anybody: it enters the page as text, never as markup.

// An attribute that is a function listens, true stands alone, false and null are left out; so are such children.
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, name === "title" ? plain(String(value)) : value);
  }
  made.append(...children.flat(Infinity).filter(isThere).map(asNode));
  return made;
}

const isThere = (child) => child != null && child !== false;
const asNode = (child) => (child instanceof Node ? child : document.createTextNode(plain(String(child))));

// Characters that turn the direction of what stands around them are shown by their numbers.
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const plain = (text) => text.replace(TURNS, (turn) => `\\u${turn.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);

// What is read out and not seen.
export const unseen = (text) => el("span", { class: "unseen" }, text);

// A table that scrolls in its own box where it is wider than the page. Heads are [text, class, what it means].
export function table(label, heads, body) {
  const head = heads.map(([text, kind, hint]) => el("th", { scope: "col", class: kind ?? null, title: hint }, text));
  return wide(label, el("table", {}, el("thead", {}, el("tr", {}, head)), body instanceof Node ? body : el("tbody", {}, body)));
}

// It is in the order of Tab, so that it can be scrolled by keyboard.
export const wide = (label, content) => el("div", { class: "wide", role: "region", "aria-label": label, tabindex: 0 }, content);

// A list of terms, each with what is told of it.
export const terms = (pairs, kind = null) =>
  el("dl", { class: kind }, pairs.flatMap(([name, told]) => [el("dt", {}, name), el("dd", {}, told)]));

// A text to be copied; nothing where there is none.
export function code(label, text) {
  if (!text) return null;
  const block = el("pre", {}, text);
  const said = el("span", { role: "status" });
  const copy = el("button", { type: "button", click: () => copyText(block, said) }, "Copy", unseen(` ${label}`));
  return el("div", { class: "code" }, el("div", {}, label, copy, said), block);
}

async function copyText(block, said) {
  try {
    await navigator.clipboard.writeText(block.textContent);
    said.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(block); // no clipboard without https: the text is marked instead
    said.textContent = "Marked: copy it";
  }
  setTimeout(() => (said.textContent = ""), 1500);
}
