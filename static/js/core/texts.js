// Texts of a page with places to fill in.

/**
 * "saving {n}" with its places filled in.
 *
 * @param {string} text
 * @param {Record<string, unknown>} values
 */
export const format = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
