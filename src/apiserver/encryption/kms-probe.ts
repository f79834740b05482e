/**
 * Whether a KMS v2 plugin is well, and the key that it gives for writing
 * (k8s.io/apiserver/pkg/server/options/encryptionconfig, kmsv2PluginProbe).
 */
import { goQuote } from "../../api/go-quote.ts";
import { formatTime } from "../../api/time.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { extendedNonceGcm, seedSize } from "./aes.ts";
import { checkKey, type EnvelopeKey, invalidKeyID, type WriteKey } from "./envelope.ts";
import type { KmsService } from "./kms-service.ts";
import type { StatusResponse } from "./kms-types.gen.ts";
import { type EncryptionSeries, hashOf } from "./metrics.ts";
import { aggregate } from "./prefix.ts";

/** Milliseconds: how often a plugin is asked, well or not; how long a key serves that was not confirmed; how long an answer is believed. */
const wellInterval = 60_000;
const illInterval = 10_000;
const writeKeyTTL = 180_000;
const wellTTL = 20_000;
const illTTL = 3_000;

export interface KmsProbeOptions {
  name: string;
  service: Pick<KmsService, "status" | "encrypt">;
  clock: Clock;
  random: Random;
  logger: Logger;
  series: EncryptionSeries;
}

export class KmsProbe {
  readonly #options: KmsProbeOptions;
  #key?: WriteKey;
  #version = "";
  #last: { error?: Error; at: number; ttl: number } | undefined;
  #checking?: Promise<void>;

  constructor(options: KmsProbeOptions) {
    this.#options = options;
  }

  /** Throws while the plugin has never been well. */
  writeKey(): WriteKey {
    if (!this.#key) throw new Error("got unexpected nil transformer");
    return this.#key;
  }

  /** Asks the plugin, unless it answered a moment ago. Rejects with why it is not well. */
  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Asks again and again until the signal aborts, so that keys change when the plugin's do. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, name } = this.#options;
    while (!signal.aborted) {
      let well = true;
      try {
        await this.check();
      } catch (error) {
        well = false;
        if (!signal.aborted) logger.error("kms plugin failed health check probe", { name, error });
      }
      await clock.sleep(well ? wellInterval : illInterval, signal).catch(() => undefined);
    }
  }

  async #check(): Promise<void> {
    const { clock, name, service } = this.#options;
    if (this.#last && clock.monotonic() - this.#last.at < this.#last.ttl) {
      if (this.#last.error) throw this.#last.error;
      return;
    }
    const told = (error?: Error): void => {
      this.#last = { at: clock.monotonic(), ttl: error ? illTTL : wellTTL, ...(error ? { error } : {}) };
    };
    let status: StatusResponse;
    try {
      status = await service.status();
    } catch (error) {
      told(error as Error);
      throw new Error(`failed to perform status section of the healthz check for KMS Provider ${name}, error: ${(error as Error).message}`, { cause: error });
    }
    const errors = await this.#judge(status);
    if (!errors.length) return told();
    const error = new Error(`kmsv2 Provider ${name} is not healthy, error: ${aggregate(errors).message}`);
    told(error);
    throw error;
  }

  async #judge({ healthz, version, keyId }: StatusResponse): Promise<Error[]> {
    const { name, series } = this.#options;
    const errors: Error[] = [];
    if (healthz !== "ok") errors.push(new Error(`got unexpected healthz status: ${healthz}`));
    if (version !== "v2" && version !== "v2beta1") errors.push(new Error(`expected KMSv2 API version v2, got ${version}`));
    else {
      this.#version ||= version;
      if (this.#version !== version)
        errors.push(new Error(`KMSv2 API version should not change after the initial status response version ${this.#version}, got ${version}`));
    }
    const wrong = invalidKeyID(keyId);
    if (wrong) {
      series.keyInvalid(name, wrong.code);
      errors.push(new Error(`got invalid KMSv2 KeyID hash ${goQuote(hashOf(keyId))}: ${wrong.message}`));
      return errors;
    }
    series.keyTold(name, keyId);
    const failed = await this.#rotate(keyId);
    if (failed) errors.push(failed);
    return errors;
  }

  /** A new seed when the plugin's key has changed; until one is there the old one serves, as long as it may. */
  async #rotate(keyId: string): Promise<Error | undefined> {
    const { clock, random } = this.#options;
    // Counted from before the plugin is asked, for it is the longest that a key may serve.
    const expires = clock.now() + writeKeyTTL;
    const old = this.#key;
    if (old?.keyID === keyId) {
      this.#key = { ...old, expires };
      return undefined;
    }
    const uid = random.uuid();
    let made: WriteKey | undefined;
    let failure: Error | undefined;
    try {
      made = await this.#make(uid, expires);
    } catch (error) {
      failure = error as Error;
    }
    if (made?.keyID === keyId) {
      this.#key = made;
      return undefined;
    }
    const stateError = old ? "<nil>" : "got unexpected nil transformer";
    const hash = (id = ""): string => goQuote(hashOf(id));
    return new Error(
      `failed to rotate DEK uid=${goQuote(uid)}, useSeed=true, errState=${stateError}, errGen=${failure?.message ?? "<nil>"}, statusKeyIDHash=${hash(keyId)}, encryptKeyIDHash=${hash(made?.keyID)}, stateKeyIDHash=${hash(old?.keyID)}, expirationTimestamp=${old ? formatTime(old.expires) : "0001-01-01T00:00:00Z"}`,
      { cause: failure },
    );
  }

  async #make(uid: string, expires: number): Promise<WriteKey> {
    const { clock, random, series, service } = this.#options;
    const began = clock.monotonic();
    const seed = random.bytes(seedSize);
    series.dataKeyMade((clock.monotonic() - began) / 1000);
    let answer: Awaited<ReturnType<KmsService["encrypt"]>>;
    try {
      answer = await service.encrypt(uid, seed);
    } catch (error) {
      throw new Error(`failed to encrypt DEK, error: ${(error as Error).message}`, { cause: error });
    }
    const key: EnvelopeKey = {
      keyID: answer.keyId,
      // The answer is a part of a larger buffer that need not live as long.
      encryptedDEKSource: Buffer.from(answer.ciphertext),
      encryptedDEKSourceType: "HKDF_SHA256_XNONCE_AES_GCM_SEED",
      annotations: Object.fromEntries(Object.entries(answer.annotations).map(([name, value]) => [name, Buffer.from(value)])),
    };
    checkKey(key);
    return { ...key, expires, transformer: extendedNonceGcm(seed, random) };
  }
}
