// One way to talk to the server: JSON out, JSON in, and a word for why there was no answer.

/** @type {() => string} */
let csrfToken = () => "";

/**
 * `readToken()` gives the token that shows that a request comes from a page of ours.
 *
 * @param {() => string} readToken
 */
export function signWith(readToken) {
  csrfToken = readToken;
}

/**
 * POST JSON. Returns {status, data, failure}; failure is null, "offline" (no answer), "busy" (no sensible answer)
 * or "signed-out" (the session or the right to do this is gone).
 *
 * @param {string} url
 * @param {object} body
 * @param {{ keepalive?: boolean, timeout?: number }} options
 * @returns {Promise<Answer>}
 */
export async function postJson(url, body, { keepalive = false, timeout = 20_000 } = {}) {
  const text = JSON.stringify(body);
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      body: text,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
      credentials: "same-origin",
      redirect: "manual", // the way to the log-in page
      keepalive: keepalive && text.length <= 60_000, // outlives the page; browsers allow 64 KiB
      signal: AbortSignal.timeout(timeout),
    });
  } catch {
    return { status: 0, data: null, failure: "offline" };
  }
  if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) {
    return { status: response.status, data: null, failure: "signed-out" };
  }
  try {
    const data = await response.json();
    return { status: response.status, data, failure: response.status >= 500 ? "busy" : null };
  } catch {
    const isRefusal = response.status >= 400 && response.status < 500 && ![408, 429].includes(response.status);
    return { status: response.status, data: null, failure: isRefusal ? null : "busy" };
  }
}

/**
 * GET JSON; status 0 where nobody answered.
 *
 * @param {string} url
 * @returns {Promise<{ status: number, data: any }>}
 */
export async function getJson(url) {
  try {
    const response = await fetch(url, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
      redirect: "manual",
    });
    return { status: response.status, data: response.ok ? await response.json() : null };
  } catch {
    return { status: 0, data: null };
  }
}
