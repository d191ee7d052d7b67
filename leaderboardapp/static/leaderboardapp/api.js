// POST requests to the API. A failure is an Error with a message for people.

const ATTEMPTS = 3;
export const ANSWER = 20000; // milliseconds within which a request has to be answered; a link may be dead
const PAUSE = 1000; // milliseconds before the second attempt, doubled for each one after it
export const PASSING = [502, 503, 504];

/** Return the answer's JSON. Throw an Error with the server's words and its `status`.
 *
 * A request with an idempotency `key` is retried while it gets no clear answer: it counts once. */
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

/** Return a new idempotency key. crypto.randomUUID would do, but exists on https only. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

async function send(path, body, key) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const signal = AbortSignal.timeout(ANSWER);
  try {
    return await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body), signal });
  } catch {
    return null; // no connection, or a dead one
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
