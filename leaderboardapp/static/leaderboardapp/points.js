// Scores as text.

import { formatScore } from "./leaderboard.js";
import { LOCALE } from "./locale.js";

/** Return a score as the board's format says, and as the viewer writes numbers. */
export function points(score, format) {
  return formatScore(score, format, LOCALE);
}
