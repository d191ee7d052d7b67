// Why a request failed, in the page's own words: by the kind of the problem, not by its detail.

import { points } from "./points.js";
import { kindOf, seconds, text } from "./words.js";

const SENTENCES = {
  "board-not-found": "board_deleted",
  "email-taken": "email_taken",
  "outcome-unknown": "unknown",
  "player-not-found": "player_gone",
  "rate-limit-exceeded": "too_fast",
  "store-unavailable": "cannot_save",
  "cross-site": "may_not",
  "insufficient-scope": "may_not",
  "invalid-token": "may_not",
  "token-required": "may_not",
};

/** Return a sentence for players. `name` and `score` are those of the player whom the request was about. */
export function explain(error, { name, score, format } = {}) {
  const { status, wait, limits } = error;
  const kind = kindOf(error);
  if (!status) return text("no_answer");
  if (kind === "score-out-of-range") {
    const key = limits && score >= limits.max ? "no_higher" : "beyond_limits";
    return text(key, { name, limit: limits && points(limits.max, format) });
  }
  if (kind === "invalid-body") return text(explainField(error.message));
  const fallback = status >= 500 ? "cannot_save" : "failed";
  return text(SENTENCES[kind] ?? fallback, { name, wait: seconds(wait || 1) });
}

/** A detail begins with the field that it is about. */
function explainField(detail) {
  if (detail.startsWith("email: missing")) return "email_needed";
  if (detail.startsWith("email:")) return "email_refused";
  return detail.startsWith("name:") ? "name_refused" : "failed";
}
