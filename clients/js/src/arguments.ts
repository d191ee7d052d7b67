const ID = /^[A-Za-z0-9_-]{1,64}$/;
const KEY = /^[!-+\--~]{1,255}$/; // visible ASCII but for the comma
export const MAX_PAGE_ROWS = 100;
export const MAX_SEASON = 2 ** 31 - 1;

/** Return the id, which stands in paths. Throw RangeError if it is none: ".." would lead to another resource. */
export function requireId(id: string): string {
  if (typeof id !== "string" || !ID.test(id)) {
    throw new RangeError(`id ${show(id)}: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -`);
  }
  return id;
}

/** Return the idempotency key. Throw RangeError if it is none: on the way to the service an empty header gets lost. */
export function requireKey(key: string): string {
  if (typeof key !== "string" || !KEY.test(key)) {
    throw new RangeError(`key ${show(key)}: must be 1 to 255 visible ASCII characters without a comma`);
  }
  return key;
}

/** Return the value. Throw RangeError unless it is an integer within the limits. */
export function requireInteger(name: string, value: number, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} ${show(value)}: must be an integer from ${least} to ${most}`);
  }
  return value;
}

/** Return the score or amount. Throw RangeError if it is no integer that JSON carries exactly. */
export function requireScore(name: string, value: number): number {
  return requireInteger(name, value, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** Return the season, or undefined. Throw RangeError if it is neither. */
export function requireSeason<T extends number | undefined>(season: T): T {
  if (season !== undefined) requireInteger("season", season, 1, MAX_SEASON);
  return season;
}

/** Return a random id (a UUID). `crypto.randomUUID` is missing in pages that came without TLS. */
export function randomId(): string {
  const digit = (): string => (crypto.getRandomValues(new Uint8Array(1))[0]! % 16).toString(16);
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, digit);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
