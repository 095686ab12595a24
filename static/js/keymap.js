// From a key press to the command it stands for. Which command has which keys is told by the server: no list here.

const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Fn", "OS"]);
const DEAD = { Quote: "'", Backquote: "`", Semicolon: ";", BracketLeft: "[", Minus: "-", Equal: "=" };
const GIVES_WAY = new Set(["Space", "Enter", "Backspace", "Delete"]); // Shift with one of these is the same command
const SWAPPED = { previous: "next", next: "previous" };

/** Rows of {name, keys, repeats} as a map from key to row. */
export const keymap = (rows) => new Map(rows.flatMap((row) => row.keys.map((key) => [key, row])));

/** Letter, digit or name of the key under Ctrl or Alt: from its place where Option or the layout makes another character. */
function underModifier({ key, code }) {
  if (/^[a-z0-9]$/i.test(key)) return key.toUpperCase();
  const place = /^(?:Key|Digit)([A-Z0-9])$/.exec(code ?? "");
  return place ? place[1] : named(key);
}

function named(key) {
  return { " ": "Space", Esc: "Escape", Del: "Delete" }[key] ?? key;
}

/** What was pressed, as the server writes keys: the likeliest reading first; nothing for a modifier alone. */
export function readings(event, isMac = false) {
  const { key, shiftKey } = event;
  if (!key || key === "Unidentified" || MODIFIERS.has(key)) return [];
  const shift = shiftKey ? "Shift+" : "";
  if (event.getModifierState?.("AltGraph") || (event.ctrlKey && event.altKey)) return key.length === 1 ? [key] : [];
  if (event.ctrlKey || event.metaKey) return [`Ctrl+${shift}${underModifier(event)}`];
  if (event.altKey) {
    const first = `Alt+${shift}${underModifier(event)}`;
    // Option writes characters on a Mac: \ is Option+Shift+7 on a German one.
    return isMac && key.length === 1 && !/[\p{L}\p{N}\s]/u.test(key) ? [first, key] : [first];
  }
  if (key === "Dead") return DEAD[event.code] ? [DEAD[event.code]] : [];
  const plain = named(key);
  return plain.length > 1 && shiftKey ? [`Shift+${plain}`] : [plain];
}

/**
 * What this key press asks for: {name, key, shift, digit?, letter?}, or null where it is not for us.
 *
 * `shift` beside a digit, a letter or Space is meant: this frame only. options: isRtl, isMac.
 */
export function intent(event, map, { isRtl = false, isMac = false } = {}) {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return null;
  const found = assigned(event, map, isMac);
  if (found) {
    const { row, key, shift } = found;
    if (event.repeat && !row.repeats) return null;
    const isMirrored = isRtl && /^Arrow(Left|Right)$/.test(key) && row.name in SWAPPED;
    return { name: isMirrored ? SWAPPED[row.name] : row.name, key, shift };
  }
  return event.repeat || event.ctrlKey || event.metaKey || event.altKey ? null : character(event);
}

function assigned(event, map, isMac) {
  for (const key of readings(event, isMac)) {
    const row = map.get(key);
    if (row) return { row, key, shift: false };
    const [, plain] = /^Shift\+(.+)$/.exec(key) ?? [];
    if (GIVES_WAY.has(plain) && map.has(plain)) return { row: map.get(plain), key: plain, shift: true };
  }
  return null;
}

function character({ key, code, shiftKey }) {
  if (/^[0-9]$/.test(key)) return { name: "digit", key, digit: Number(key), shift: shiftKey };
  // The digit row of a layout that writes digits with Shift only, and 1 with Shift, which writes !.
  const place = /^Digit([0-9])$/.exec(code ?? "");
  if (place) return { name: "digit", key: place[1], digit: Number(place[1]), shift: shiftKey };
  if (!/^\p{L}$/u.test(key)) return null;
  return { name: "letter", key, letter: key.toLowerCase(), shift: shiftKey };
}
