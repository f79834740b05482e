/**
 * Encryption at rest: which transformer each resource has, read from a file and, where wanted, again when that changes
 * (k8s.io/apiserver/pkg/server/options/encryptionconfig and its controller).
 */
import { readFileSync } from "node:fs";
import { parseDuration } from "../../api/time.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { GroupResource } from "../../cache/keys.ts";
import type { ValueTransformer } from "../../cache/transformer.ts";
import { ConfigurationError } from "../configuration-file.ts";
import type { HealthCheck } from "../../api/health-checks.ts";
import { aesCbc, aesGcm } from "./aes.ts";
import {
  type EncryptionConfiguration,
  groupResourceText,
  type Key,
  type KmsConfiguration,
  parseEncryptionConfiguration,
  parseGroupResource,
  type Provider,
} from "./configuration.ts";
import { EnvelopeTransformer } from "./envelope.ts";
import { KmsProbe } from "./kms-probe.ts";
import { KmsService } from "./kms-service.ts";
import { type EncryptionSeries, hashOf } from "./metrics.ts";
import { aggregate, identity, type Prefixed, PrefixTransformers } from "./prefix.ts";
import { secretbox } from "./secretbox.ts";

export interface EncryptionOptions {
  /** --encryption-provider-config */
  file: string;
  /** Read again when it changes. */
  reload: boolean;
  clock: Clock;
  random: Random;
  logger: Logger;
  series: EncryptionSeries;
}

/** Milliseconds between looks at the file; what new plugins get to become well; the delay between attempts. */
const pollInterval = 60_000;
const leastGrace = 10_000;
const healthInterval = 100;

function load(file: string): { text: string; hash: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "ENOENT" ? `open ${file}: no such file or directory` : (error as Error).message;
    throw new ConfigurationError(`error while loading file: error reading encryption provider configuration file ${goQuote(file)}: ${why}`);
  }
  if (!bytes.length) throw new ConfigurationError(`error while loading file: encryption provider configuration file ${goQuote(file)} is empty`);
  return { text: bytes.toString("utf8"), hash: hashOf(bytes) };
}

function read(file: string, reload: boolean): { configuration: EncryptionConfiguration; hash: string } {
  try {
    const { text, hash } = load(file);
    return { configuration: parseEncryptionConfiguration(text, file, reload), hash };
  } catch (error) {
    if (error instanceof ConfigurationError) error.message = `error while parsing file: ${error.message}`;
    throw error;
  }
}

/** One reading of the file: its transformers, and the plugins that they ask. */
class Generation {
  readonly transformers = new Map<string, ValueTransformer>();
  readonly hash: string;
  /** Milliseconds that requests under way may still need the plugins. */
  grace = 0;
  readonly #probes: KmsProbe[] = [];
  readonly #services: KmsService[] = [];
  readonly #stop = new AbortController();
  readonly #options: EncryptionOptions;
  #running: Promise<unknown> = Promise.resolve();

  constructor(configuration: EncryptionConfiguration, hash: string, options: EncryptionOptions) {
    this.hash = hash;
    this.#options = options;
    const { series, clock } = options;
    const lists = new Map<string, Prefixed[]>();
    for (const { resources = [], providers = [] } of configuration.resources ?? []) {
      const parts = providers.map((provider) => this.#provider(provider));
      for (const text of resources) {
        const resource = parseGroupResource(text);
        for (const mask of [
          { group: resource.group, resource: "*" },
          { group: "*", resource: "*" },
        ])
          if (lists.has(groupResourceText(mask)))
            throw new ConfigurationError(
              `error while building transformers: resource ${goQuote(groupResourceText(resource))} is masked by earlier rule ${goQuote(groupResourceText(mask))}`,
            );
        const name = groupResourceText(resource);
        lists.set(name, [...(lists.get(name) ?? []), ...parts]);
      }
    }
    for (const [name, parts] of lists) this.transformers.set(name, new PrefixTransformers(parts, "no matching prefix found", series, clock));
  }
  /** Undefined where no rule names the resource. */
  of({ group, resource }: GroupResource): ValueTransformer | undefined {
    const { transformers } = this;
    return transformers.get(group ? `${resource}.${group}` : resource) ?? transformers.get(`*.${group}`) ?? transformers.get("*.*");
  }
  get asksPlugins(): boolean {
    return this.#probes.length > 0;
  }
  /** Resolves when each plugin was asked once, well or not; asks on from then. */
  async start(): Promise<void> {
    await Promise.all(this.#probes.map((probe) => probe.check().catch(() => undefined)));
    this.#running = Promise.all(this.#probes.map((probe) => probe.run(this.#stop.signal)));
  }
  async check(): Promise<string | undefined> {
    const errors: Error[] = [];
    for (const [i, probe] of this.#probes.entries()) await probe.check().catch((error: Error) => errors.push(new Error(`kms-provider-${i}: ${error.message}`)));
    return errors.length ? aggregate(errors).message : undefined;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const service of this.#services) await service[Symbol.asyncDispose]();
    await this.#running;
  }

  #provider({ aesgcm, aescbc, secretbox: box, kms }: Provider): Prefixed {
    const keyed = (name: string, keys: Key[] = [], make: typeof aesGcm, what: string): Prefixed => {
      const parts = keys.map(({ name: key = "", secret = "" }) => ({
        prefix: `${key}:`,
        transformer: make(Buffer.from(secret, "base64"), this.#options.random),
      }));
      const unmatched = `no matching key was found for the provided ${what} transformer`;
      return { prefix: `k8s:enc:${name}:v1:`, transformer: new PrefixTransformers(parts, unmatched, this.#options.series, this.#options.clock) };
    };
    if (aesgcm) return keyed("aesgcm", aesgcm.keys, aesGcm, "AES");
    if (aescbc) return keyed("aescbc", aescbc.keys, aesCbc, "AES");
    if (box) return keyed("secretbox", box.keys, secretbox, "Secretbox");
    return kms ? this.#kms(kms) : { prefix: "", transformer: identity };
  }
  #kms({ apiVersion, name = "", endpoint = "", timeout = "3s" }: KmsConfiguration): Prefixed {
    if (apiVersion === "v1")
      throw new ConfigurationError(
        "error while building transformers: KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.",
      );
    const { clock, random, logger, series } = this.#options;
    const service = new KmsService({ endpoint, name, timeout: parseDuration(timeout), clock, series });
    const probe = new KmsProbe({ name, service, clock, random, logger, series });
    this.#services.push(service);
    this.#probes.push(probe);
    this.grace += 2 * parseDuration(timeout);
    return {
      prefix: `k8s:enc:kms:v2:${name}:`,
      transformer: new EnvelopeTransformer({ name, service, clock, random, series, writeKey: () => probe.writeKey() }),
    };
  }
}

export class Encryption implements AsyncDisposable {
  readonly #options: EncryptionOptions;
  readonly #stop = new AbortController();
  readonly #retired = new Set<Promise<void>>();
  #current: Generation;
  #following: Promise<void> = Promise.resolve();

  private constructor(options: EncryptionOptions, first: Generation) {
    this.#options = options;
    this.#current = first;
  }
  /** Resolves when each KMS plugin was asked once, whether or not it is well. Rejects with ConfigurationError. */
  static async open(options: EncryptionOptions): Promise<Encryption> {
    const { configuration, hash } = read(options.file, options.reload);
    const first = new Generation(configuration, hash, options);
    const encryption = new Encryption(options, first);
    await first.start();
    options.series.configured(hash);
    if (options.reload) encryption.#following = encryption.#follow();
    return encryption;
  }

  readonly transformerOf = (resource: GroupResource): ValueTransformer | undefined => this.#current.of(resource);

  /** `kms-providers`, where plugins are asked or could be after the next reading. */
  checks(): HealthCheck[] {
    return this.#options.reload || this.#current.asksPlugins ? [{ name: "kms-providers", live: false, check: () => this.#current.check() }] : [];
  }

  /** Reads the file again if it changed. The former configuration stays in force when the new one is wrong, or its plugins are not well. */
  async refresh(): Promise<void> {
    const { file, series, logger } = this.#options;
    let next: Generation | undefined;
    try {
      if (load(file).hash === this.#current.hash) return;
      const { configuration, hash } = read(file, true);
      next = new Generation(configuration, hash, this.#options);
      await next.start();
      await this.#becomesWell(next);
      const old = this.#current;
      this.#current = next;
      this.#retire(old);
      series.reloaded(hash);
      logger.info("the encryption configuration was read again", { file });
    } catch (error) {
      await next?.[Symbol.asyncDispose]();
      series.reloaded(undefined);
      logger.error("error processing encryption config file", { file, error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await Promise.all(this.#retired);
    await this.#current[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(pollInterval, signal).catch(() => undefined);
      if (!signal.aborted) await this.refresh();
    }
  }
  async #becomesWell(next: Generation): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + Math.max(next.grace, leastGrace);
    for (;;) {
      const why = await next.check();
      if (why === undefined) return;
      if (clock.monotonic() >= until) throw new Error(`health check for new transformers failed, polling error timed out waiting for the condition: ${why}`);
      await clock.sleep(healthInterval, this.#stop.signal);
    }
  }
  /** Requests under way may still be waiting for its plugins. */
  #retire(old: Generation): void {
    const { clock } = this.#options;
    const gone = clock
      .sleep(old.grace, this.#stop.signal)
      .catch(() => undefined)
      .then(() => old[Symbol.asyncDispose]());
    this.#retired.add(gone);
    void gone.then(() => this.#retired.delete(gone));
  }
}
