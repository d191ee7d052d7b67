// The field of a schedule: a select of names, and fields of what an object says beside `every`.

import { valueOf } from "./forms.js";

const PERIODS = ["day", "week", "month"];

export class Schedule {
  constructor(select) {
    this.name = select.name;
    this.select = select;
    this.parts = [...select.form.querySelectorAll(`[data-of="${select.name}"]`)];
    select.addEventListener("change", () => this.arrange());
  }

  // A schedule that no option means is null here, and is kept unless another one is chosen.
  get value() {
    const every = this.select.value;
    if (!PERIODS.includes(every)) return JSON.parse(every || null);
    const parts = this.parts.filter((part) => belongsTo(part, every));
    return { every, ...Object.fromEntries(parts.map((part) => [part.dataset.part, valueOf(part)])) };
  }

  show(schedule) {
    const every = schedule?.every;
    this.select.value = every ?? JSON.stringify(schedule);
    const defaults = { on: 1, at: "00:00", zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    for (const part of this.parts) {
      const name = part.dataset.part;
      const fallback = part.tagName === "SELECT" ? part.options[0].value : defaults[name];
      part.value = belongsTo(part, every) ? schedule[name] : fallback;
    }
    this.arrange();
  }

  arrange() {
    for (const part of this.parts) part.closest(".field").hidden = !belongsTo(part, this.select.value);
  }
}

function belongsTo(part, every) {
  return part.dataset.every.split(" ").includes(every);
}
