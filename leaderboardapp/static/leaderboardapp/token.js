// The tokens of this tab, which are kept until it is closed, and nowhere else: for each board the one that
// opened it, and the last one, which may open others.

const LAST = "token";
const keyOf = (board) => `token of ${board}`;

/** Return the scopes that a token names. They say what to offer; the service decides what is done. */
export function scopesOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)).scope.split(" ");
  } catch {
    return [];
  }
}

export function tokenOf(board) {
  return sessionStorage.getItem(keyOf(board)) ?? sessionStorage.getItem(LAST);
}

/** Return the last token that was used in this tab, null if there is none. */
export function lastToken() {
  return sessionStorage.getItem(LAST);
}

/** Whether this very board was opened with a token, which may be the wrong one by now. */
export function isKept(board) {
  return sessionStorage.getItem(keyOf(board)) !== null;
}

export function keepToken(token, board) {
  sessionStorage.setItem(LAST, token);
  if (board) sessionStorage.setItem(keyOf(board), token);
}

/** Forget the board's token, wherever else it was kept. */
export function forgetToken(board) {
  const token = tokenOf(board);
  for (const key of Object.keys(sessionStorage)) {
    if (sessionStorage.getItem(key) === token) sessionStorage.removeItem(key);
  }
}

/** Move a token from the page's address to the tab: it is in no bookmark then. */
export function takeFromAddress(board) {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (!token) return;
  keepToken(token, board);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

/** Whether the tab has a token that seems to open the board's dashboard. The service decides. */
export function mayManage(board) {
  const scopes = scopesOf(tokenOf(board) ?? "");
  return scopes.includes("write") || scopes.includes("admin");
}
