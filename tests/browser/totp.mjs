// What an authenticator app computes (RFC 6238, RFC 4226 §5.3): six digits of HMAC-SHA-1.

import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of a base32 secret at `at` (milliseconds). */
export function totp(secret, at) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", bytes(secret)).update(counter).digest();
  const from = mac[19] & 15;
  const number = mac.readUInt32BE(from) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

function bytes(text) {
  const letters = [...text.replaceAll(/[^A-Z2-7]/g, "")];
  const bits = letters.map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}
