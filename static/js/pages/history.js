// Tells the server which time zone days and times are meant in: its own clock knows none.

import { started } from "../parts/dom.js";

started();
const offset = String(new Date().getTimezoneOffset());
const known = /(?:^|;\s*)labeller-zone=(-?\d+)/.exec(document.cookie)?.[1] ?? "0";
if (known !== offset) {
  // biome-ignore lint/suspicious/noDocumentCookie: the cookie store is not there on plain http
  document.cookie = `labeller-zone=${offset}; path=/; max-age=31536000; samesite=lax`;
  // Where cookies are refused it stays with UTC.
  if (document.cookie.includes(`labeller-zone=${offset}`)) location.reload();
}
