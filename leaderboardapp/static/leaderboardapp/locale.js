// The language of the page, and how it is written where the viewer is.

export const { lang } = document.documentElement;
/** The viewer's region of the page's language: one language on a page, with digits grouped as at home. */
export const LOCALE = navigator.languages.find((each) => each.split("-")[0] === lang) ?? lang;
/** How a moment is written, in the viewer's own zone. */
export const MOMENT = {
  year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
};
