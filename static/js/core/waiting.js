// Why there is nothing to label now, in words.

import { format } from "./texts.js";

/**
 * @param {import("./supply.js").Supply} supply
 * @param {Texts} texts
 * @param {string} [only]  what was asked for alone
 */
export function whyNone(supply, texts, only) {
  const { state, message, pool } = supply;
  if (supply.isTroubled) return supply.refusal || texts.noServer;
  if (state === null) return texts.loading;
  if (message) return message;
  if (state === "finished") return only === "audit" ? texts.noneAudit : texts.finished;
  if (state !== "preparing") return texts.waiting;
  return format(texts.preparing, { done: pool?.embedded ?? 0, total: pool?.total ?? 0 });
}
