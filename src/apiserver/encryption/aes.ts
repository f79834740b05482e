/** AES-GCM, AES-CBC and AES-GCM with a key for each value (k8s.io/apiserver/pkg/storage/value/encrypt/aes). */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { Random } from "../../base/random.ts";
import type { ValueTransformer } from "../../cache/transformer.ts";

const tooShort = "the stored data was shorter than the required size";
const nonceSize = 12;
const tagSize = 16;
const blockSize = 16;
/** Of a seed, of what derives a key from it, and of that key, in bytes. */
export const seedSize = 32;

const gcmName = (key: Uint8Array): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" => `aes-${(key.length * 8) as 128 | 192 | 256}-gcm`;

function seal(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, about: string): Buffer[] {
  const cipher = createCipheriv(gcmName(key), key, nonce);
  cipher.setAAD(Buffer.from(about));
  return [cipher.update(data), cipher.final(), cipher.getAuthTag()];
}
function open(key: Uint8Array, data: Uint8Array, about: string): Buffer {
  if (data.length < nonceSize) throw new Error(tooShort);
  if (data.length < nonceSize + tagSize) throw new Error("cipher: message authentication failed");
  const decipher = createDecipheriv(gcmName(key), key, data.subarray(0, nonceSize), { authTagLength: tagSize });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(data.subarray(data.length - tagSize));
  try {
    return Buffer.concat([decipher.update(data.subarray(nonceSize, data.length - tagSize)), decipher.final()]);
  } catch {
    throw new Error("cipher: message authentication failed");
  }
}

/** `key` has 16, 24 or 32 bytes. A value is bound to the key it is stored under. */
export const aesGcm = (key: Uint8Array, random: Random): ValueTransformer => ({
  fromStorage: (data, { key: about }) => ({ data: open(key, data, about), stale: false }),
  toStorage(data, { key: about }) {
    const nonce = random.bytes(nonceSize);
    return Buffer.concat([nonce, ...seal(key, nonce, data, about)]);
  },
});

/** As aesGcm; what is stored tells nobody whether it was changed. */
export const aesCbc = (key: Uint8Array, random: Random): ValueTransformer => {
  const name = `aes-${key.length * 8}-cbc`;
  return {
    fromStorage(data) {
      if (data.length < blockSize) throw new Error(tooShort);
      if (data.length % blockSize !== 0) throw new Error("the stored data is not a multiple of the block size");
      const decipher = createDecipheriv(name, key, data.subarray(0, blockSize)).setAutoPadding(false);
      const padded = Buffer.concat([decipher.update(data.subarray(blockSize)), decipher.final()]);
      const padding = padded.at(-1) ?? 0;
      if (padding === 0 || padding > padded.length) throw new Error("invalid PKCS7 data (empty or not padded)");
      if (padded.subarray(padded.length - padding).some((byte) => byte !== padding)) throw new Error("invalid padding on input");
      return { data: padded.subarray(0, padded.length - padding), stale: false };
    },
    toStorage(data) {
      const iv = random.bytes(blockSize);
      const cipher = createCipheriv(name, key, iv);
      return Buffer.concat([iv, cipher.update(data), cipher.final()]);
    },
  };
};

/** AES-GCM under a key made of a seed and random bytes that stand before each value (HKDF-SHA256, its expansion alone). */
export const extendedNonceGcm = (seed: Uint8Array, random: Random): ValueTransformer => {
  if (seed.length < seedSize) throw new Error(`invalid seed length ${seed.length} used for key generation`);
  const derived = (info: Uint8Array): Buffer => createHmac("sha256", seed).update(info).update(Buffer.of(1)).digest();
  return {
    fromStorage(data, { key: about }) {
      if (data.length < seedSize) throw new Error(tooShort);
      return { data: open(derived(data.subarray(0, seedSize)), data.subarray(seedSize), about), stale: false };
    },
    toStorage(data, { key: about }) {
      const info = random.bytes(seedSize);
      const nonce = random.bytes(nonceSize);
      return Buffer.concat([info, nonce, ...seal(derived(info), nonce, data, about)]);
    },
  };
};
