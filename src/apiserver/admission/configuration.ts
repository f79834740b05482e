/**
 * The file of --admission-control-config-file (apiserver.config.k8s.io/v1 AdmissionConfiguration): a section for each plugin
 * that can be configured, in the file itself or in another one.
 */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { DecodeError } from "../../api/codec/decode-error.ts";
import type { JSONValue } from "../../api/json.ts";
import { ConfigurationError, decodeConfiguration } from "../configuration-file.ts";
import { readEventRateLimit } from "./optional/event-rate-limit.ts";
import { readImagePolicy } from "./optional/image-policy-webhook.ts";
import { readPodNodeSelector } from "./optional/pod-node-selector.ts";
import { readPodTolerationRestriction } from "./optional/pod-toleration-restriction.ts";
import { readPodSecurity } from "./pod-security/configuration.ts";
import { readResourceQuota } from "./resource-quota-configuration.ts";
import { type CredentialsFor, credentialsOf } from "./webhooks/credentials.ts";

const readers = {
  MutatingAdmissionWebhook: readWebhooks,
  ValidatingAdmissionWebhook: readWebhooks,
  PodSecurity: readPodSecurity,
  ResourceQuota: readResourceQuota,
  EventRateLimit: readEventRateLimit,
  ImagePolicyWebhook: readImagePolicy,
  PodNodeSelector: readPodNodeSelector,
  PodTolerationRestriction: readPodTolerationRestriction,
};
type Readers = typeof readers;

/** By the name of the plugin. */
export type AdmissionConfiguration = { [name in keyof Readers]?: Exclude<ReturnType<Readers[name]>, undefined> };

const kind = {
  kind: "AdmissionConfiguration",
  versions: ["apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1"],
  fields: { plugins: { list: { go: "v1.AdmissionPluginConfiguration", fields: { name: "string", path: "string", configuration: "any" } } } },
} as const;
interface Section {
  name?: string;
  path?: string;
  configuration?: JSONValue;
}

const webhooks = {
  kind: "WebhookAdmissionConfiguration",
  versions: ["apiserver.config.k8s.io/v1"],
  fields: { kubeConfigFile: "string" },
} as const;

function readWebhooks(text: string): CredentialsFor | undefined {
  const { kubeConfigFile: file = "" } = decodeConfiguration<{ kubeConfigFile?: string }>(text, webhooks);
  if (file === "") return undefined;
  if (!isAbsolute(file)) throw new ConfigurationError("kubeConfigFile: must be an absolute file path");
  try {
    return credentialsOf(file);
  } catch (error) {
    throw new ConfigurationError(`${file}: ${(error as Error).message}`);
  }
}

/** What `work` says is wrong is said of `where`. */
function about<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const known = error instanceof ConfigurationError || error instanceof DecodeError || (error as NodeJS.ErrnoException).code !== undefined;
    throw known ? new ConfigurationError(`${where}: ${(error as Error).message}`) : error;
  }
}

/** Throws ConfigurationError with one sentence that says what is wrong, and where. */
export function readAdmissionConfiguration(file: string): AdmissionConfiguration {
  const { plugins = [] } = about(file, () => decodeConfiguration<{ plugins?: Section[] }>(readFileSync(file, "utf8"), kind));
  const found: Partial<Record<keyof Readers, unknown>> = {};
  for (const { name = "", path, configuration } of plugins) {
    const where = `${file}: plugin ${JSON.stringify(name)}`;
    if (!Object.hasOwn(readers, name))
      throw new ConfigurationError(`${where} has no configuration; those that have one are ${Object.keys(readers).join(", ")}`);
    const plugin = name as keyof Readers;
    const from = path && !isAbsolute(path) ? join(dirname(file), path) : path;
    const text = configuration !== undefined ? JSON.stringify(configuration) : from ? about(where, () => readFileSync(from, "utf8")) : undefined;
    // As upstream has it, the first section of a plugin is the one that counts.
    if (text !== undefined) found[plugin] ??= about(configuration === undefined && from ? from : where, () => readers[plugin](text));
  }
  return found as AdmissionConfiguration;
}
