// A schedule that is an object, in words.

// Have the select offer the board's schedule, if it is an object, which no other option means.
export function offer(select, schedule) {
  select.querySelector("[data-own]")?.remove();
  if (schedule === null || typeof schedule === "string") return;
  const option = new Option(describe(schedule), JSON.stringify(schedule));
  option.dataset.own = "";
  select.append(option);
}

function describe({ every, on, at, zone }) {
  return `Every ${DAYS[every](on)}, at ${at} in ${zone}`;
}

const DAYS = {
  day: () => "day",
  week: (on) => on[0].toUpperCase() + on.slice(1),
  month: (on) => `month, on day ${on}${on > 28 ? " or the last" : ""}`,
};
