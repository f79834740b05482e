/**
 * XSalsa20 and Poly1305 as NaCl puts them together (cr.yp.to/highspeed/naclcrypto-20090310.pdf, RFC 8439 for Poly1305):
 * OpenSSL has neither Salsa20 nor Poly1305 by itself.
 */
import { timingSafeEqual } from "node:crypto";
import type { Random } from "../../base/random.ts";
import type { ValueTransformer } from "../../cache/transformer.ts";

const nonceSize = 24;
const tagSize = 16;
const sigma = words(Buffer.from("expand 32-byte k"));

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, true));
}

const at = (list: Uint32Array, i: number): number => list[i] as number;

/** The state of Salsa20: constants on the diagonal, key around them, 16 bytes of input in the middle. */
function state(key: Uint32Array, input: Uint32Array): Uint32Array {
  const x = new Uint32Array(16);
  for (let i = 0; i < 4; i++) {
    x[i * 5] = at(sigma, i);
    x[1 + i] = at(key, i);
    x[6 + i] = at(input, i);
    x[11 + i] = at(key, 4 + i);
  }
  return x;
}

const quarters = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const;

/** Twenty rounds, in place. */
function rounds(x: Uint32Array): Uint32Array {
  const mix = (to: number, a: number, b: number, by: number): void => {
    const sum = (at(x, a) + at(x, b)) | 0;
    x[to] = at(x, to) ^ ((sum << by) | (sum >>> (32 - by)));
  };
  for (let i = 0; i < 10; i++)
    for (const [a, b, c, d] of quarters) {
      mix(b, a, d, 7);
      mix(c, b, a, 9);
      mix(d, c, b, 13);
      mix(a, d, c, 18);
    }
  return x;
}

/** HSalsa20: the key for the last eight bytes of a long nonce. */
function subkey(key: Uint32Array, nonce: Uint32Array): Uint32Array {
  const x = rounds(state(key, nonce));
  return Uint32Array.of(at(x, 0), at(x, 5), at(x, 10), at(x, 15), at(x, 6), at(x, 7), at(x, 8), at(x, 9));
}

/** `length` bytes of XSalsa20's stream. */
function stream(key: Uint32Array, nonce: Uint8Array, length: number): Buffer {
  const nonceWords = words(nonce);
  const short = subkey(key, nonceWords.subarray(0, 4));
  const out = Buffer.allocUnsafe(Math.ceil(length / 64) * 64);
  for (let block = 0; block * 64 < length; block++) {
    const start = state(short, Uint32Array.of(at(nonceWords, 4), at(nonceWords, 5), block, 0));
    const x = rounds(start.slice());
    for (let i = 0; i < 16; i++) out.writeUInt32LE((at(x, i) + at(start, i)) >>> 0, block * 64 + i * 4);
  }
  return out.subarray(0, length);
}

const little = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex") || "0"}`);
const prime = (1n << 130n) - 5n;

function poly1305(key: Uint8Array, data: Uint8Array): Buffer {
  const r = little(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let from = 0; from < data.length; from += 16) {
    const block = data.subarray(from, from + 16);
    sum = ((sum + little(block) + (1n << BigInt(block.length * 8))) * r) % prime;
  }
  const tag = (sum + little(key.subarray(16, 32))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, "0"), "hex").reverse();
}

function xor(data: Uint8Array, pad: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(data.length);
  for (let i = 0; i < data.length; i++) out[i] = (data[i] as number) ^ (pad[i] as number);
  return out;
}

/** Tag and encrypted bytes. `key` has 32 bytes, `nonce` 24. */
export function sealBox(key: Uint8Array, nonce: Uint8Array, data: Uint8Array): Buffer {
  const pad = stream(words(key), nonce, 32 + data.length);
  const encrypted = xor(data, pad.subarray(32));
  return Buffer.concat([poly1305(pad.subarray(0, 32), encrypted), encrypted]);
}

/** Undefined for what was not sealed so. */
export function openBox(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Buffer | undefined {
  const encrypted = box.subarray(tagSize);
  const pad = stream(words(key), nonce, 32 + encrypted.length);
  if (!timingSafeEqual(poly1305(pad.subarray(0, 32), encrypted), box.subarray(0, tagSize))) return undefined;
  return xor(encrypted, pad.subarray(32));
}

/** The `secretbox` provider (k8s.io/apiserver/pkg/storage/value/encrypt/secretbox). `key` has 32 bytes. */
export const secretbox = (key: Uint8Array, random: Random): ValueTransformer => ({
  fromStorage(data) {
    if (data.length < nonceSize + tagSize) throw new Error("the stored data was shorter than the required size");
    const opened = openBox(key, data.subarray(0, nonceSize), data.subarray(nonceSize));
    if (!opened) throw new Error("output array was not large enough for encryption");
    return { data: opened, stale: false };
  },
  toStorage(data) {
    const nonce = random.bytes(nonceSize);
    return Buffer.concat([nonce, sealBox(key, nonce, data)]);
  },
});
