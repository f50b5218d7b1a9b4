// What a page shows beyond its path, such as filters, stands in the URL's hash behind a question mark: a link shows the same.

export const path = () => location.hash.split("?")[0] || "#/traces";
export const read = () => new URLSearchParams(location.hash.split("?")[1] ?? "");

// While the page at `own` is shown, replace its parameters by those of `values` that are not empty. Going back skips such changes.
export function write(own, values) {
  const shown = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  const wanted = shown.size ? `${own}?${shown}` : own;
  if (path() === own && wanted !== location.hash) history.replaceState(null, "", wanted);
}
