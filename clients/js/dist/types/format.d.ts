import type { ScoreFormat } from "./types.js";
/** Return a score as text, as its board's `format` says: "1,234", "12.34 km" or "1:21.234".
 *
 * Without a `format`, as snapshots have none of most boards, it is points. Without a `locale` it is the browser's. */
export declare function formatScore(score: number, format?: ScoreFormat, locale?: string): string;
