// POST requests to the API.

const ATTEMPTS = 3;
export const ANSWER = 20000; // milliseconds within which a request has to be answered; a link may be dead
const PAUSE = 1000; // milliseconds before the second attempt, doubled for each one after it
export const PASSING = [502, 503, 504];

/** Return the answer's JSON. Throw an Error with the members of the problem, and how many seconds to `wait`. Its
 * `status` is 0 if there was no answer.
 *
 * A request with an idempotency `key` is retried while it gets no clear answer: it counts once. */
export async function post(path, body, key) {
  for (let attempt = 1; ; attempt++) {
    const response = await send(path, body, key);
    if (response?.ok) return response.json();
    const unclear = !response || PASSING.includes(response.status);
    if (!key || !unclear || attempt === ATTEMPTS) throw await failure(response);
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

async function failure(response) {
  const status = response?.status ?? 0;
  const problem = (await response?.json().catch(() => null)) ?? {}; // somebody in between may answer
  const wait = Number(response?.headers.get("Retry-After")) || 0;
  return Object.assign(new Error(problem.detail), problem, { status, wait });
}
