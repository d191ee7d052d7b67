// Tells the page around the frame how high the board is: docs/clients.md, "Embedding a board".

const { colorScheme } = getComputedStyle(document.documentElement);
const theme = colorScheme === "light dark" ? "auto" : colorScheme;
let told = 0;

/** Any page may know: this says no more than the frame's address. */
function tell(height) {
  told = height;
  parent.postMessage({ type: "leaderboard-frame", height, theme }, "*");
}

new ResizeObserver(() => {
  const height = Math.ceil(document.body.getBoundingClientRect().height);
  if (height !== told) tell(height);
}).observe(document.body);

// The page's script may have come after the first message.
addEventListener("message", ({ source, data }) => {
  if (source === parent && data?.type === "leaderboard-ask") tell(told);
});
