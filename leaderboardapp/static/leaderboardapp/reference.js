// The API's reference: Swagger UI, with a layout and some components of our own.

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
      if (status === "failed") return h("p", { className: "error", role: "alert" }, "The description could not be loaded. Reload the page to try again.");
      if (status !== "success") return h("p", { role: "status" }, "Loading…");
      return h("div", { className: "swagger-ui" },
        render("SvgAssets"),
        render("InfoContainer"),
        h("div", { className: "requests" }, h("h2", null, "Requests"), render("AuthorizeBtnContainer")),
        render("operations"));
    },
  },
});

// What a screen reader needs: no link inside of a button, and names for what has none.
const names = ({ React: { createElement: h, Fragment } }) => ({
  components: {
    DeepLink: ({ text }) => h("span", null, text),
    TextArea: (props) => h("textarea", { "aria-label": "Body", ...props }),
  },
  wrapComponents: {
    CloseIcon: (Icon) => (props) => h(Fragment, null, h(Icon, props), h("span", { className: "unseen" }, "Close")),
  },
});

SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#reference",
  plugins: [layout, names],
  layout: "Reference",
  deepLinking: true,
  displayRequestDuration: true,
  syntaxHighlight: { theme: "obsidian" },
  validatorUrl: null, // a site that would be told the description's address
});
