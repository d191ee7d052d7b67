// Times in the viewer's own zone, in place of those in UTC that the page comes with.

import { LOCALE, MOMENT } from "./locale.js";

for (const time of document.querySelectorAll("time[data-local]")) {
  time.textContent = new Date(time.dateTime).toLocaleString(LOCALE, MOMENT);
}
