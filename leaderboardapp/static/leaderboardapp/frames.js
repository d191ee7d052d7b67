// For pages of other sites: gives each frame with a board of ours the height of the board.
// It is described in docs/clients.md, "Embedding a board".

{
  const { origin } = new URL(document.currentScript.src);
  const MOST = 20_000; // pixels

  addEventListener("message", ({ source, origin: from, data }) => {
    if (from !== origin || data?.type !== "leaderboard-frame") return;
    const { height, theme } = data;
    const frame = [...document.querySelectorAll("iframe")].find((each) => each.contentWindow === source);
    if (!frame || !Number.isInteger(height) || height <= 0 || height > MOST) return;
    const isBorderIn = getComputedStyle(frame).boxSizing === "border-box"; // as many sites have it for all
    frame.style.height = `${height + (isBorderIn ? frame.offsetHeight - frame.clientHeight : 0)}px`;
    // Browsers show what is behind a frame only if its page and this one are both light, or dark.
    if (theme === "light" || theme === "dark") frame.style.colorScheme = theme;
  });
  for (const frame of document.querySelectorAll("iframe")) {
    if (frame.src.startsWith(`${origin}/`)) frame.contentWindow.postMessage({ type: "leaderboard-ask" }, "*");
  }
}
