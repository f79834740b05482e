/**
 * What encryption at rest counts (k8s.io/apiserver/pkg/storage/value/metrics.go, encrypt/envelope/metrics,
 * server/options/encryptionconfig/metrics).
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { codeOf } from "../../base/grpc/error.ts";
import type { Metrics } from "../../base/metrics.ts";

interface Transformation {
  resource: string;
  type: "from_storage" | "to_storage";
  prefix: string;
  seconds: number;
  error?: Error | undefined;
}

export interface EncryptionSeries {
  transformed(one: Transformation): void;
  dataKeyMade(seconds: number): void;
  /** The plugin had to be asked for a key. */
  cacheMissed(): void;
  cached(provider: string, keys: number): void;
  called(provider: string, method: string, seconds: number, error?: Error): void;
  keyUsed(type: "from_storage" | "to_storage", provider: string, keyID: string): void;
  keyTold(provider: string, keyID: string): void;
  keyInvalid(provider: string, why: "empty" | "too_long"): void;
  /** The configuration was read again; `hash` of the file where that went well. */
  reloaded(hash: string | undefined): void;
  /** The configuration in force. */
  configured(hash: string): void;
}

const doubling = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first * 2 ** i);

/** `sha256:...`; empty for an empty text. */
export const hashOf = (text: string | Uint8Array): string => (text.length ? `sha256:${createHash("sha256").update(text).digest("hex")}` : "");

/** `serverID` tells servers apart. */
export function encryptionSeries(metrics: Metrics, clock: Clock, serverID: string): EncryptionSeries {
  const server = hashOf(serverID);
  const now = (): number => clock.now() / 1000;
  const storage = (name: string): string => `apiserver_storage_${name}`;
  const envelope = (name: string): string => `apiserver_envelope_encryption_${name}`;
  const controller = (name: string): string => `apiserver_encryption_config_controller_${name}`;
  const operations = metrics.counter(
    storage("transformation_operations_total"),
    "Total number of transformations. Successful transformation will have a status 'OK' and a varied status string when the transformation fails. The status, resource, and transformation_type fields can be used for alerting purposes. For example, you can monitor for encryption/decryption failures using the transformation_type (e.g., from_storage for decryption and to_storage for encryption). Additionally, these fields can be used to ensure that the correct transformers are applied to each resource.",
    ["resource", "transformation_type", "transformer_prefix", "status"],
  );
  const latencies = metrics.histogram(
    storage("transformation_duration_seconds"),
    "Latencies in seconds of value transformation operations.",
    doubling(5e-6, 25),
    ["transformation_type", "transformer_prefix"],
  );
  const misses = metrics
    .counter(storage("envelope_transformation_cache_misses_total"), "Total number of cache misses while accessing key decryption key(KEK).")
    .with();
  const keyGenerations = metrics
    .histogram(storage("data_key_generation_duration_seconds"), "Latencies in seconds of data encryption key(DEK) generation operations.", doubling(5e-6, 14))
    .series();
  metrics.counter(storage("data_key_generation_failures_total"), "Total number of failed data encryption key(DEK) generation operations.");
  const cacheSize = metrics.gauge(
    envelope("dek_source_cache_size"),
    "Number of records in data encryption key (DEK) source cache. On a restart, this value is an approximation of the number of decrypt RPC calls the server will make to the KMS plugin.",
    ["provider_name"],
  );
  const calls = metrics.histogram(
    envelope("kms_operations_latency_seconds"),
    "KMS operation duration with gRPC error code status total.",
    doubling(0.0001, 20),
    ["provider_name", "method_name", "grpc_status_code"],
  );
  const keyLabels = ["transformation_type", "provider_name", "key_id_hash", "apiserver_id_hash"];
  const keyUses = metrics.counter(
    envelope("key_id_hash_total"),
    "Number of times a keyID is used split by transformation type, provider, and apiserver identity.",
    keyLabels,
  );
  const keyLastUse = metrics.gauge(envelope("key_id_hash_last_timestamp_seconds"), "The last time in seconds when a keyID was used.", keyLabels);
  const keyLastTold = metrics.gauge(
    envelope("key_id_hash_status_last_timestamp_seconds"),
    "The last time in seconds when a keyID was returned by the Status RPC call.",
    ["provider_name", "key_id_hash", "apiserver_id_hash"],
  );
  const invalidKeys = metrics.counter(
    envelope("invalid_key_id_from_status_total"),
    "Number of times an invalid keyID is returned by the Status RPC call split by error.",
    ["provider_name", "error"],
  );
  const reloads = metrics.counter(
    controller("automatic_reloads_total"),
    "Total number of reload successes and failures of encryption configuration split by apiserver identity.",
    ["status", "apiserver_id_hash"],
  );
  const lastReload = metrics.gauge(
    controller("automatic_reload_last_timestamp_seconds"),
    "Timestamp of the last successful or failed automatic reload of encryption configuration split by apiserver identity.",
    ["status", "apiserver_id_hash"],
  );
  const info = metrics.gauge(
    controller("last_config_info"),
    "Information about the last applied encryption configuration with hash as label, split by apiserver identity.",
    ["apiserver_id_hash", "hash"],
  );
  const configured = (hash: string): void => {
    info.clear();
    info.set(1, server, hash);
  };
  return {
    transformed({ resource, type, prefix, seconds, error }) {
      operations.inc(resource, type, prefix, error ? codeOf(error) : "OK");
      if (!error) latencies.observe(seconds, type, prefix);
    },
    dataKeyMade: keyGenerations,
    cacheMissed: () => void misses.value++,
    cached: (provider, keys) => cacheSize.set(keys, provider),
    called: (provider, method, seconds, error) => calls.observe(seconds, provider, method, error ? codeOf(error) : "OK"),
    keyUsed(type, provider, keyID) {
      const hash = hashOf(keyID);
      keyUses.inc(type, provider, hash, server);
      keyLastUse.set(now(), type, provider, hash, server);
    },
    keyTold: (provider, keyID) => keyLastTold.set(now(), provider, hashOf(keyID), server),
    keyInvalid: (provider, why) => invalidKeys.inc(provider, why),
    reloaded(hash) {
      const status = hash === undefined ? "failure" : "success";
      reloads.inc(status, server);
      lastReload.set(now(), status, server);
      if (hash !== undefined) configured(hash);
    },
    configured,
  };
}
