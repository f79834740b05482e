/** Image pull secrets (upstream's pkg/credentialprovider/secrets). */
import type { Pod, Secret } from "../../api/types/core-v1.gen.ts";
import type { References } from "../env.ts";
import type { PodEvents } from "../pod-events.ts";
import { dockerConfigOf, Keyring } from "./keyring.ts";

type Auths = Parameters<typeof dockerConfigOf>[0];

function authsOf(secret: Secret): Auths {
  const text = (key: string): string => {
    const value = secret.data?.[key];
    return value === undefined ? "{}" : Buffer.from(value as unknown as string, "base64").toString("utf8");
  };
  try {
    if (secret.type === "kubernetes.io/dockerconfigjson") return (JSON.parse(text(".dockerconfigjson")) as { auths?: Auths }).auths ?? {};
    if (secret.type === "kubernetes.io/dockercfg") return JSON.parse(text(".dockercfg")) as Auths;
  } catch {
    // The API server refuses such content; what got past it gives no credentials.
  }
  return {};
}

export function secretKeyring(secrets: readonly Secret[]): Keyring {
  const keyring = new Keyring();
  for (const secret of secrets) {
    const { uid, namespace = "", name = "" } = secret.metadata;
    keyring.add(dockerConfigOf(authsOf(secret)), { secret: { uid, namespace, name } });
  }
  return keyring;
}

/** Those that the pod names and that are there; an event tells of the others. */
export async function pullSecretsOf(pod: Pod, references: References, events: PodEvents): Promise<Secret[]> {
  const found: Secret[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec.imagePullSecrets ?? []) {
    if (!name) continue;
    try {
      found.push(await references.secret(pod.metadata.namespace ?? "", name));
    } catch {
      missing.push(name);
    }
  }
  if (missing.length)
    events.pod(
      pod,
      "Warning",
      "FailedToRetrieveImagePullSecret",
      `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
    );
  return found;
}
