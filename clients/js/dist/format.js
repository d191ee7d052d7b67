// src/format.ts
var POINTS = { type: "points" };
function formatScore(score, format = POINTS, locale) {
  const whole = (value, digits = 1) => {
    return value.toLocaleString(locale, { minimumIntegerDigits: digits, useGrouping: digits === 1 });
  };
  const unit = "unit" in format && format.unit ? ` ${format.unit}` : "";
  if (format.type === "points") return whole(score) + unit;
  const places = format.type === "time" ? 3 : format.places;
  const rest = Math.abs(score) % 10 ** places;
  const units = (Math.abs(score) - rest) / 10 ** places;
  const signed = (value) => whole(score < 0 ? -value : value);
  const point = 0.1.toLocaleString(locale, { minimumFractionDigits: 1 }).at(1);
  const fraction = point + whole(rest, places);
  if (format.type === "decimal") return signed(units) + fraction + unit;
  const [minutes, hours] = [Math.floor(units / 60) % 60, Math.floor(units / 3600)];
  const above = hours ? `${signed(hours)}:${whole(minutes, 2)}` : signed(minutes);
  return `${above}:${whole(units % 60, 2)}${fraction}`;
}
export {
  formatScore
};
