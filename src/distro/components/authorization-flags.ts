/** Who may do what: kube-apiserver's flags (pkg/kubeapiserver/options/authorization.go), and what they make. */
import { readFileSync } from "node:fs";
import { readPolicyFile } from "../../apiserver/authorization/abac.ts";
import {
  type AuthorizerSettings,
  authorizerTypes,
  parseAuthorizationConfiguration,
  type WebhookSettings,
} from "../../apiserver/authorization/configuration.ts";
import type { AuthorizationSource } from "../../apiserver/authorization/open.ts";
import { ConfigurationError } from "../../apiserver/configuration-file.ts";
import { goFileError, KubeconfigError, readKubeconfig } from "../../apiserver/outside/kubeconfig.ts";
import { duration, file } from "./flag-types.ts";
import type { Flag, FlagValues } from "./flags.ts";

type Mode = (typeof authorizerTypes)[number];

/** Undefined: not given. */
const modes: Flag<readonly Mode[] | undefined> = {
  type: "strings",
  help: `authorizers in order, of ${authorizerTypes.join(", ")}`,
  fallback: undefined,
  shown: "[Node,RBAC]",
  choices: authorizerTypes,
  parse(value, before) {
    const given = [...(before ?? [])];
    for (const mode of value.split(",")) {
      const known = authorizerTypes.find((one) => one === mode);
      if (!known) throw new Error(`authorization-mode ${JSON.stringify(mode)} is not a valid mode; there are ${authorizerTypes.join(", ")}`);
      given.push(known);
    }
    return given;
  },
};
const optional = (help: string, shown: string): Flag<number | undefined> => ({ ...duration(help, shown), fallback: undefined });
const versions = ["v1", "v1beta1"] as const;
const version: Flag<WebhookSettings["version"] | undefined> = {
  type: "string",
  help: "version of the SubjectAccessReviews that the webhook is asked with",
  fallback: undefined,
  shown: '"v1beta1"',
  choices: versions,
  parse(value) {
    const known = versions.find((one) => one === value);
    if (!known) throw new Error(`unsupported webhook authorizer version ${JSON.stringify(value)}, supported versions are "v1", "v1beta1"`);
    return known;
  },
};

export const authorizationFlags = {
  "authorization-config": file("AuthorizationConfiguration: authorizers in order, read again when it changes, e.g. /etc/k8ts/authorization.yaml"),
  "authorization-mode": modes,
  "authorization-policy-file": file("policies of the mode ABAC, a JSON object a line"),
  "authorization-webhook-config-file": file("kubeconfig of the server that the mode Webhook asks"),
  "authorization-webhook-version": version,
  "authorization-webhook-cache-authorized-ttl": optional("how long what the webhook allowed is kept", "5m0s"),
  "authorization-webhook-cache-unauthorized-ttl": optional("how long what the webhook did not allow is kept", "30s"),
} as const;

type Flags = FlagValues<typeof authorizationFlags>;

/** Milliseconds for an answer of the webhook of the flags. */
const timeout = 30_000;

/** Adds to `problems` what is wrong; the result is of no use then. */
export function authorizationFrom(flags: Flags, problems: string[]): AuthorizationSource {
  const { "authorization-config": path, "authorization-policy-file": policyFile } = flags;
  const source = path ? fromFile(path, flags, problems) : { authorizers: authorizersFrom(flags, problems) };
  if (problems.length) return source;
  const problem = (error: unknown): void => {
    if (!(error instanceof ConfigurationError || error instanceof KubeconfigError)) throw error;
    problems.push(`invalid authorization config: ${error.message}`);
  };
  // They are read when the server is made as well: what is wrong with them is said before it is.
  for (const { webhook } of source.authorizers) {
    try {
      if (webhook?.kubeconfig) readKubeconfig(webhook.kubeconfig);
    } catch (error) {
      problem(error);
    }
  }
  if (!source.authorizers.some(({ type }) => type === "ABAC")) return source;
  try {
    return { ...source, abac: readPolicyFile(policyFile) };
  } catch (error) {
    problem(error);
    return source;
  }
}

function fromFile(path: string, flags: Flags, problems: string[]): AuthorizationSource {
  const legacy = (["mode", "webhook-config-file", "webhook-version", "webhook-cache-authorized-ttl", "webhook-cache-unauthorized-ttl"] as const).some(
    (name) => flags[`authorization-${name}`] !== undefined && flags[`authorization-${name}`] !== "",
  );
  if (legacy) problems.push("--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined");
  try {
    const text = readFileSync(path, "utf8");
    return { authorizers: parseAuthorizationConfiguration(text), file: { path, text } };
  } catch (error) {
    const why = error instanceof ConfigurationError ? error.message : goFileError(error as NodeJS.ErrnoException, `open ${path}`);
    problems.push(`--authorization-config: ${why}`);
    return { authorizers: [] };
  }
}

function authorizersFrom(flags: Flags, problems: string[]): AuthorizerSettings[] {
  const { "authorization-mode": given = ["Node", "RBAC"], "authorization-webhook-config-file": kubeconfig, "authorization-policy-file": policy } = flags;
  if (given.includes("ABAC") && !policy) problems.push("authorization-mode ABAC's authorization policy file not passed");
  if (given.includes("Webhook") && !kubeconfig) problems.push("authorization-mode Webhook's authorization config file not passed");
  if (policy && !given.includes("ABAC")) problems.push("cannot specify --authorization-policy-file without mode ABAC");
  if (kubeconfig && !given.includes("Webhook")) problems.push("cannot specify --authorization-webhook-config-file without mode Webhook");
  if (new Set(given).size < given.length)
    problems.push(`authorization-mode [${given.map((mode) => JSON.stringify(mode)).join(" ")}] has mode specified more than once`);
  const webhook: WebhookSettings = {
    authorizedTTL: flags["authorization-webhook-cache-authorized-ttl"] ?? 300_000,
    unauthorizedTTL: flags["authorization-webhook-cache-unauthorized-ttl"] ?? 30_000,
    timeout,
    version: flags["authorization-webhook-version"] ?? "v1beta1",
    onError: "no-opinion",
    kubeconfig,
  };
  return given.map((type) => (type === "Webhook" ? { type, name: "default", webhook } : { type, name: type.toLowerCase() }));
}
