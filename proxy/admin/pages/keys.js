// Keyboard shortcuts; index.html has the dialog that lists them.

import { main } from "./frame.js";

const help = document.getElementById("help");

// Handle `keys`, a mapping of keys to functions, and the common ones.
export function listen(keys) {
  const all = { ...COMMON, ...keys };
  document.addEventListener("keydown", (event) => {
    const isField = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && isField) return event.target.blur();
    if (isField || help.open || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(all, event.key)) return;
    event.preventDefault();
    all[event.key]();
  });
}

export const showHelp = () => help.showModal();

function step(by) {
  const picks = [...main.querySelectorAll(".pick")].filter((pick) => pick.checkVisibility());
  const index = picks.indexOf(document.activeElement);
  picks[index < 0 ? 0 : Math.min(picks.length - 1, Math.max(0, index + by))]?.focus();
}

const COMMON = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  "/": () => main.querySelector("input")?.focus(), "?": showHelp,
};
