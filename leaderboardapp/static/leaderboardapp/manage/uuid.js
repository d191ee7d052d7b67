// A player's id, made from a name: UUID version 5 (RFC 9562), the same as `make_player_id` of the
// service makes. crypto.subtle has the hash, too, but exists on https only.

import { isId } from "../ids.js";

const NAMESPACE = "b8a9c5cd-3f0e-4ee5-9d3c-6e0c4f2e7a51";

// Return the name itself if it is a valid id, otherwise a UUID made from it.
export function makePlayerId(name) {
  if (isId(name)) return name;
  const namespace = NAMESPACE.replaceAll("-", "").match(/../g).map((byte) => parseInt(byte, 16));
  const hash = sha1([...namespace, ...new TextEncoder().encode(name)]).slice(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x50; // the version
  hash[8] = (hash[8] & 0x3f) | 0x80; // the variant
  const hex = hash.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Return the bytes of the hash (FIPS 180-4) of bytes.
function sha1(bytes) {
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const length = Math.ceil((bytes.length + 9) / 64) * 64;
  const padded = new DataView(new ArrayBuffer(length));
  [...bytes, 0x80].forEach((byte, index) => padded.setUint8(index, byte));
  padded.setUint32(length - 4, bytes.length * 8);
  for (let at = 0; at < length; at += 64) {
    const words = Array.from({ length: 16 }, (_, index) => padded.getUint32(at + 4 * index));
    state = addBlock(state, words);
  }
  return state.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff));
}

function addBlock(state, words) {
  for (let t = 16; t < 80; t += 1) {
    words.push(rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1));
  }
  let [a, b, c, d, e] = state;
  for (let t = 0; t < 80; t += 1) {
    const next = (rotate(a, 5) + mix(t, b, c, d) + e + words[t]) | 0;
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  return [a, b, c, d, e].map((word, index) => (word + state[index]) | 0);
}

function mix(t, b, c, d) {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function rotate(word, bits) {
  return (word << bits) | (word >>> (32 - bits));
}
