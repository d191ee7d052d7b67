// The language of the page, and how it is written where the viewer is.

export const { lang } = document.documentElement;
/** The viewer's region of the page's language: one language on a page, with digits grouped as at home. */
export const LOCALE = navigator.languages.find((each) => each.split("-")[0] === lang) ?? lang;
