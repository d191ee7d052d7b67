const BLANK = "about:blank";

/** The members of a problem (RFC 9457), and what else an answer says about itself. */
interface Reason {
  type?: string;
  title?: string;
  retryAfter?: number;
  isTransient?: boolean;
  cause?: unknown;
}

/** A request failed for good: the service refused it, or the retry budget is used up.
 *
 * It is the service's problem: `type` is its kind, such as "/docs/problems/#board-not-found", and does not
 * change between releases. `detail`, which is the message as well, is a sentence for people. `status` is
 * that of the last answer, or 0 if there was none. The `type` is "about:blank" if only that is known. */
export class LeaderboardError extends Error {
  override readonly name = "LeaderboardError";
  readonly status: number;
  readonly type: string;
  readonly title: string;
  /** Seconds for which the service asked to wait. */
  readonly retryAfter: number | undefined;
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean;

  constructor(status: number, detail: string, reason: Reason = {}) {
    super(detail, "cause" in reason ? { cause: reason.cause } : undefined);
    this.status = status;
    this.type = reason.type ?? BLANK;
    this.title = reason.title ?? "";
    this.retryAfter = reason.retryAfter;
    this.isTransient = reason.isTransient ?? status === 0;
  }

  get detail(): string {
    return this.message;
  }
}

/** Statuses after which the same request may succeed. */
const TRANSIENT = [429, 500, 502, 503, 504];
/** Those of them after which it surely had no effect. */
const NOT_APPLIED = [429, 503];
/** Node's codes for a connection that was never made. A browser does not say. */
const NOT_CONNECTED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

/** Return whether the request that failed surely had no effect, and may succeed later. */
export function isUnapplied(failure: LeaderboardError): boolean {
  if (failure.status) return NOT_APPLIED.includes(failure.status);
  const { cause } = failure.cause instanceof Error ? failure.cause : {};
  return NOT_CONNECTED.includes((cause as { code?: string } | undefined)?.code ?? "");
}

/** Return the error for a request that got no answer, or only a part of one. */
export function connectionError(cause: unknown): LeaderboardError {
  if (cause instanceof LeaderboardError) return cause;
  const { message, cause: reason } = cause instanceof Error ? cause : new Error(String(cause));
  const detail = reason instanceof Error && reason.message ? `${message}: ${reason.message}` : message;
  return new LeaderboardError(0, detail, { cause });
}

/** Return the error for an answer that is no success, with the members of its problem if it has one.
 *
 * A Pushpin that has just started answers 500 in plain text. A 500 of the service is a problem document,
 * and would be the same again. */
export function statusError({ status, statusText, headers }: Response, text: string): LeaderboardError {
  const isProblem = headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
  const isTransient = TRANSIENT.includes(status) && !(status === 500 && isProblem);
  const after = headers.get("Retry-After") ?? "";
  const retryAfter = /^\d{1,9}$/.test(after) ? Number(after) : undefined; // a date is ignored
  const { type = BLANK, title = statusText, detail } = parseProblem(text);
  const message = detail ?? (text.slice(0, 200) || statusText || `status ${status}`);
  return new LeaderboardError(status, message, { type, title, retryAfter, isTransient });
}

function parseProblem(text: string): { type?: string; title?: string; detail?: string } {
  try {
    const problem: unknown = JSON.parse(text);
    const members = Object.entries(problem ?? {}).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(members);
  } catch {
    return {};
  }
}
