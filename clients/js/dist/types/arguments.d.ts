export declare const MAX_PAGE_ROWS = 100;
export declare const MAX_SEASON: number;
/** Return the id, which stands in paths. Throw RangeError if it is none: ".." would lead to another resource. */
export declare function requireId(id: string): string;
/** Return the idempotency key. Throw RangeError if it is none: on the way to the service an empty header gets lost. */
export declare function requireKey(key: string): string;
/** Return the value. Throw RangeError unless it is an integer within the limits. */
export declare function requireInteger(name: string, value: number, least: number, most: number): number;
/** Return the score or amount. Throw RangeError if it is no integer that JSON carries exactly. */
export declare function requireScore(name: string, value: number): number;
/** Return the season, or undefined. Throw RangeError if it is neither. */
export declare function requireSeason<T extends number | undefined>(season: T): T;
/** Return a random id (a UUID). `crypto.randomUUID` is missing in pages that came without TLS. */
export declare function randomId(): string;
