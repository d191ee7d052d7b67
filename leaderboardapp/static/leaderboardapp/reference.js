// The API's reference: Swagger UI, with a layout and some components of our own.

import { text } from "./words.js";

const { lang } = document.documentElement; // what the library says, and the description, are English

const dark = matchMedia("(prefers-color-scheme: dark)");
const setColours = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
setColours();
dark.addEventListener("change", setColours);

// The library's layout has a <main> of its own, skips a level of headings, and offers a choice of
// servers, which are one.
const layout = ({ React: { createElement: h } }) => ({
  components: {
    Reference: ({ getComponent, specSelectors }) => {
      const render = (name) => h(getComponent(name, true));
      const status = specSelectors.loadingStatus();
      if (status === "failed") return h("p", { className: "error", role: "alert", lang }, text("not_loaded"));
      if (status !== "success") return h("p", { role: "status", lang }, text("loading"));
      return h("div", { className: "swagger-ui" },
        render("SvgAssets"),
        render("InfoContainer"),
        h("div", { className: "requests" }, h("h2", { lang }, text("requests")), render("AuthorizeBtnContainer")),
        render("operations"));
    },
  },
});

// An operation's path is a link inside of a button, which a screen reader cannot reach.
const plainPaths = ({ React: { createElement: h } }) => ({
  components: { DeepLink: ({ text }) => h("span", null, text) },
});

// Names for what the library leaves without one, and a way to scroll without a mouse.
const NAMES = {
  ".close-modal": () => text("close"),
  ".body-param__text": () => text("body"),
  ".examples-select-element": () => text("example"),
  "tr[data-param-name] :is(input, select)": (field) => field.closest("tr").dataset.paramName,
  ".responses-table": (table) => table.id ? text("responses", { id: table.id }) : text("responses_of_server"),
};
const SCROLLING = "pre.microlight";

const root = document.getElementById("reference");
new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const element of root.querySelectorAll(selector)) element.ariaLabel ??= name(element);
  }
  for (const element of root.querySelectorAll(SCROLLING)) element.tabIndex = 0;
}).observe(root, { childList: true, subtree: true });

// A stream does not end by itself, so the request ends after a few seconds with what has come by then.
const STREAM_MS = 3000;

async function fetchStart(url, options) {
  const response = await fetch(url, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  setTimeout(() => reader.cancel(), STREAM_MS);
  let text = "";
  for (let part; !(part = await reader.read()).done;) text += part.value;
  return new Response(text, response);
}

SwaggerUIBundle({
  url: "/openapi.yaml",
  domNode: root,
  plugins: [layout, plainPaths],
  layout: "Reference",
  deepLinking: true,
  requestInterceptor: (request) => {
    if (request.headers?.accept === "text/event-stream") request.userFetch = fetchStart;
    return request;
  },
  displayRequestDuration: true,
  syntaxHighlight: { theme: "obsidian" },
  validatorUrl: null, // a site that would be told the description's address
});
