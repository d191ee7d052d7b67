import type { ScoreFormat } from "./types.js";

const POINTS: ScoreFormat = { type: "points" };

/** Return a score as text, as its board's `format` says: "1,234", "12.34 km" or "1:21.234".
 *
 * Without a `format`, as snapshots have none of most boards, it is points. Without a `locale` it is the browser's. */
export function formatScore(score: number, format: ScoreFormat = POINTS, locale?: string): string {
  const whole = (value: number, digits = 1): string => {
    const text = value.toLocaleString(locale, { minimumIntegerDigits: digits, useGrouping: digits === 1 });
    return text.replace("-", "\u2212"); // most locales write a hyphen
  };
  const unit = "unit" in format && format.unit ? `\u00a0${format.unit}` : "";
  if (format.type === "points") return whole(score) + unit;
  // Integers throughout: a quotient would be rounded.
  const places = format.type === "time" ? 3 : format.places;
  const rest = Math.abs(score) % 10 ** places;
  const units = (Math.abs(score) - rest) / 10 ** places;
  const signed = (value: number): string => whole(score < 0 ? -value : value); // -0 has its sign, too
  const point = (0.1).toLocaleString(locale, { minimumFractionDigits: 1 }).at(1);
  const fraction = point + whole(rest, places);
  if (format.type === "decimal") return signed(units) + fraction + unit;
  const [minutes, hours] = [Math.floor(units / 60) % 60, Math.floor(units / 3600)];
  const above = hours ? `${signed(hours)}:${whole(minutes, 2)}` : signed(minutes);
  return `${above}:${whole(units % 60, 2)}${fraction}`;
}
