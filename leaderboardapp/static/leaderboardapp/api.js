// Requests to the API that say in words what went wrong.

const ATTEMPTS = 3;
const PAUSE = 1000; // milliseconds, then twice as many
export const PASSING = [502, 503, 504];

/** The answer's JSON. Throws an Error with the server's words and its `status`. With a `key` an
 * increment counts once however often it is sent, so it is sent again while there is no clear answer. */
export async function post(path, body, key) {
  for (let attempt = 1; ; attempt++) {
    const response = await send(path, body, key);
    if (response?.ok) return response.json();
    const unclear = !response || PASSING.includes(response.status);
    if (!key || !unclear || attempt === ATTEMPTS) {
      throw Object.assign(new Error(await reason(response)), { status: response?.status });
    }
    await new Promise((done) => setTimeout(done, PAUSE * 2 ** (attempt - 1)));
  }
}

/** Random enough; crypto.randomUUID is there on https only. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

async function send(path, body, key) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  try {
    return await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  } catch {
    return null; // no connection
  }
}

async function reason(response) {
  if (!response) return "The server cannot be reached. Try again.";
  try {
    return (await response.json()).detail;
  } catch {
    return `The server did not answer (${response.status}). Try again.`;
  }
}
