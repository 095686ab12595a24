// Texts of a page with places to fill in.

/** "saving {n}" with its places filled in. */
export const format = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
