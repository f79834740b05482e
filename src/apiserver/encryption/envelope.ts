/**
 * Values encrypted under keys that a KMS v2 plugin keeps encrypted (k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2):
 * what is stored says under which seed, and the plugin is asked only for seeds not seen before.
 */
import type { Clock } from "../../base/clock.ts";
import { Protobuf, type ProtoFacts } from "../../base/grpc/protobuf.ts";
import type { Random } from "../../base/random.ts";
import { isDNS1123Subdomain } from "../../api/names.ts";
import { goQuote } from "../../api/go-quote.ts";
import { formatTime } from "../../api/time.ts";
import type { TransformContext, Transformed, ValueTransformer } from "../../cache/transformer.ts";
import { aesGcm, extendedNonceGcm } from "./aes.ts";
import facts from "./envelope-facts.json" with { type: "json" };
import type { EncryptedObject } from "./envelope-types.gen.ts";
import type { KmsService } from "./kms-service.ts";
import { type EncryptionSeries, hashOf } from "./metrics.ts";
import { aggregate } from "./prefix.ts";

const protobuf = new Protobuf(facts as unknown as ProtoFacts);
const keyIDMaxSize = 1024;
const sourceMaxSize = 1024;
const annotationsMaxSize = 32 * 1024;
/** Milliseconds that a seed is remembered after its last use. */
const cacheTTL = 24 * 3600 * 1000;

/** What is said of a value's key, without the value. */
export type EnvelopeKey = Omit<EncryptedObject, "encryptedData">;

/** What new values are encrypted with. */
export interface WriteKey extends EnvelopeKey {
  transformer: ValueTransformer;
  /** By clock.now(): later it may not be used for writing. */
  expires: number;
}

export function invalidKeyID(keyID: string): { code: "empty" | "too_long"; message: string } | undefined {
  const size = Buffer.byteLength(keyID);
  if (size === 0) return { code: "empty", message: "keyID is empty" };
  return size > keyIDMaxSize ? { code: "too_long", message: `keyID is ${size} bytes, which exceeds the max size of ${keyIDMaxSize}` } : undefined;
}

/** Throws for a key that may not be used. */
export function checkKey({ encryptedDEKSource: source, encryptedDEKSourceType: type, keyID, annotations }: EnvelopeKey): void {
  if (type !== "AES_GCM_KEY" && type !== "HKDF_SHA256_XNONCE_AES_GCM_SEED") throw new Error(`unknown encryptedDEKSourceType: ${String(type)}`);
  if (source.length === 0) throw new Error("failed to validate encrypted DEK source: encrypted DEK source is empty");
  if (source.length > sourceMaxSize)
    throw new Error(`failed to validate encrypted DEK source: encrypted DEK source is ${source.length} bytes, which exceeds the max size of ${sourceMaxSize}`);
  const wrong = invalidKeyID(keyID);
  if (wrong) throw new Error(`failed to validate key id: ${wrong.message}`);
  const errors: Error[] = [];
  let total = 0;
  for (const [name, value] of Object.entries(annotations)) {
    for (const message of unqualified(name)) errors.push(new Error(message));
    total += Buffer.byteLength(name) + value.length;
  }
  if (total > annotationsMaxSize) errors.push(new Error(`total size of annotations is ${total}, which exceeds the max size of ${annotationsMaxSize}`));
  if (errors.length) throw new Error(`failed to validate annotations: ${aggregate(errors).message}`);
}

function unqualified(name: string): string[] {
  if (name === "") return ["annotations: Required value"];
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  const wrong = isDNS1123Subdomain(bare);
  if (wrong.length) return wrong.map((message) => `annotations: Invalid value: ${goQuote(bare)}: ${message}`);
  return bare.includes(".") ? [] : [`annotations: Invalid value: ${goQuote(bare)}: should be a domain with at least two segments separated by dots`];
}

const identityOf = ({ encryptedDEKSourceType: type, encryptedDEKSource: source, keyID, annotations }: EnvelopeKey): string =>
  JSON.stringify([
    type,
    Buffer.from(source).toString("base64"),
    keyID,
    Object.entries(annotations)
      .map(([name, value]) => [name, Buffer.from(value).toString("base64")])
      .sort(),
  ]);

export interface EnvelopeOptions {
  name: string;
  service: Pick<KmsService, "decrypt">;
  clock: Clock;
  random: Random;
  series: EncryptionSeries;
  /** Throws while the plugin has never been well. */
  writeKey(): WriteKey;
}

export class EnvelopeTransformer implements ValueTransformer {
  readonly #options: EnvelopeOptions;
  /** In order of last use. */
  readonly #known = new Map<string, { transformer: ValueTransformer; used: number }>();

  constructor(options: EnvelopeOptions) {
    this.#options = options;
  }

  async fromStorage(data: Uint8Array, context: TransformContext): Promise<Transformed> {
    const { name, series, service, random, writeKey } = this.#options;
    const stored = protobuf.decode("EncryptedObject", Buffer.from(data.buffer, data.byteOffset, data.length)) as unknown as EncryptedObject;
    if (stored.encryptedData.length === 0) throw new Error("encrypted data is empty");
    checkKey(stored);
    const current = writeKey();
    const identity = identityOf(stored);
    let transformer = this.#known.get(identity)?.transformer;
    if (!transformer) {
      series.cacheMissed();
      let key: Uint8Array;
      try {
        const { encryptedDEKSource: ciphertext, keyID: keyId, annotations } = stored;
        key = await service.decrypt({ ciphertext, keyId, annotations, uid: random.uuid() });
      } catch (error) {
        throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error });
      }
      if (stored.encryptedDEKSourceType === "HKDF_SHA256_XNONCE_AES_GCM_SEED") transformer = extendedNonceGcm(key, random);
      else if ([16, 24, 32].includes(key.length)) transformer = aesGcm(key, random);
      else throw new Error(`crypto/aes: invalid key size ${key.length}`);
    }
    this.#remember(identity, transformer);
    series.keyUsed("from_storage", name, stored.keyID);
    const read = await transformer.fromStorage(stored.encryptedData, context);
    return { data: read.data, stale: stored.keyID !== current.keyID || stored.encryptedDEKSourceType !== current.encryptedDEKSourceType };
  }

  toStorage(data: Uint8Array, context: TransformContext): Uint8Array {
    const { clock, name, series } = this.#options;
    const { transformer, expires, ...key } = this.#options.writeKey();
    const now = clock.now();
    if (now > expires)
      throw new Error(
        `encryptedDEKSource with keyID hash ${goQuote(hashOf(key.keyID))} expired at ${formatTime(expires)} (current time is ${formatTime(now)})`,
      );
    this.#remember(identityOf(key), transformer);
    const encryptedData = transformer.toStorage(data, context);
    series.keyUsed("to_storage", name, key.keyID);
    return Buffer.from(protobuf.encode("EncryptedObject", { ...key, encryptedData }));
  }

  #remember(identity: string, transformer: ValueTransformer): void {
    const { clock, name, series } = this.#options;
    const used = clock.monotonic();
    this.#known.delete(identity);
    this.#known.set(identity, { transformer, used });
    for (const [old, entry] of this.#known) {
      if (used - entry.used <= cacheTTL) break;
      this.#known.delete(old);
    }
    series.cached(name, this.#known.size);
  }
}
