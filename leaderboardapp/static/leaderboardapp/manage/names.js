// Names of players and boards, as `name_field` of the service accepts them.

// What a name must have and must not have. A character without an ink of its own is not visible; the last ones are
// format characters that have some.
const MAX_NAME_LENGTH = 100; // characters
const FORBIDDEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const VISIBLE =
  /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\u2800\u{13441}\u{13442}\u{16fe4}\u{1bc9d}\u{1d159}]|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;

export function isName(text) {
  return [...text].length <= MAX_NAME_LENGTH && VISIBLE.test(text) && !FORBIDDEN.test(text);
}
