// Times in the viewer's own zone, in place of those in UTC that the page comes with.

import { LOCALE } from "./locale.js";

const MOMENT = {
  year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
};

for (const time of document.querySelectorAll("time[data-local]")) {
  time.textContent = new Date(time.dateTime).toLocaleString(LOCALE, MOMENT);
}
