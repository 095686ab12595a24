// How somebody likes to read: size, room between lines, typeface. No DOM.

export const SIZES = [0.875, 1, 1.125, 1.25, 1.5, 1.75, 2, 2.5]; // rem
export const SPACINGS = [1.55, 1.8, 2.1]; // line heights
export const FACES = ["hyperlegible", "dyslexic", "serif", "sans"]; // static/css/reading.css says what each is
const USUAL = { size: 2, spacing: 0, face: FACES[0] };

/** @typedef {{ size: number, spacing: number, face: string }} Reading  places in the lists above, and a typeface */

/**
 * What was remembered, as far as it can be understood.
 *
 * @param {string} text
 * @returns {Reading}
 */
export function readingOf(text) {
  const [, size, spacing, face] = /^(\d) (\d) (\w+)$/.exec(text) ?? [];
  const known = { size: Number(size), spacing: Number(spacing), face };
  return known.size in SIZES && known.spacing in SPACINGS && FACES.includes(face) ? known : { ...USUAL };
}

/** @param {Reading} reading */
export const inWords = ({ size, spacing, face }) => `${size} ${spacing} ${face}`;

/**
 * Bigger (1) or smaller (-1) type, as far as there is.
 *
 * @param {Reading} reading
 * @param {number} by
 * @returns {Reading}
 */
export const resized = (reading, by) => ({
  ...reading,
  size: Math.max(0, Math.min(SIZES.length - 1, reading.size + by)),
});

/**
 * More room between lines, then less again.
 *
 * @param {Reading} reading
 * @returns {Reading}
 */
export const spaced = (reading) => ({ ...reading, spacing: (reading.spacing + 1) % SPACINGS.length });

/**
 * The next typeface.
 *
 * @param {Reading} reading
 * @returns {Reading}
 */
export const faced = (reading) => ({ ...reading, face: FACES[(FACES.indexOf(reading.face) + 1) % FACES.length] });
