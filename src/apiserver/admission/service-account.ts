/**
 * Each pod runs as a service account that exists, with a token of it mounted (plugin/pkg/admission/serviceaccount, KEP-1205).
 */
import { goQuote } from "../../api/go-quote.ts";
import { deepFreeze } from "../../api/copy.ts";
import { isPathSegmentName } from "../../api/names.ts";
import type { Container, EphemeralContainer, Pod, ServiceAccount, Volume } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import { nameSuffix, type Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import { podSecrets } from "../../api/core/pod-references.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, mirrorPodAnnotation, refuse } from "./refuse.ts";

const defaultName = "default";
const volumePrefix = "kube-api-access-";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Pod-bound tokens of exactly this lifetime get an extension, with a warning in the audit log after it. */
export const warnedTokenSeconds = 3607;

export interface ServiceAccountPluginOptions {
  reader: Reader;
  clock: Clock;
  random: Random;
}

export function serviceAccountPlugin({ reader, clock, random }: ServiceAccountPluginOptions): AdmissionPlugin {
  const known = ({ namespace }: AdmissionAttributes, name: string): ServiceAccount | undefined =>
    reader.get<ServiceAccount>("serviceaccounts", namespace, name);
  /** The default account is made by a controller soon after its namespace: it is waited for, up to about 2 s. */
  const awaited = async (attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> => {
    const attempts = name === defaultName ? 10 : 1;
    const interval = 100 + random.int(100);
    for (let i = 1; i < attempts; i++) {
      await clock.sleep(interval, attributes.request.signal);
      const account = known(attributes, name);
      if (account) return account;
    }
    // Upstream asks the API server last, through a client that refuses what no path can name.
    const unfit = isPathSegmentName(name);
    const why = unfit.length ? `invalid resource name ${goQuote(name)}: [${unfit.join(" ")}]` : `serviceaccount ${goQuote(name)} not found`;
    throw refuse(attributes, `error looking up service account ${attributes.namespace}/${name}: ${why}`);
  };
  /** At once, where the account is there. */
  const withAccount = (attributes: AdmissionAttributes, name: string, act: (account: ServiceAccount) => void): void | Promise<void> => {
    const account = known(attributes, name);
    return account ? act(account) : awaited(attributes, name).then(act);
  };
  const check = (attributes: AdmissionAttributes, pod: Pod, ephemeral: boolean, account: ServiceAccount): void => {
    if (!enforcesSecrets(account)) return;
    const why = ephemeral ? secretNotAllowed(account, "ephemeral container", pod.spec.ephemeralContainers) : notAllowed(account, pod);
    if (why) throw refuse(attributes, why);
  };
  const complete = (pod: Pod, account: ServiceAccount): void => {
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, random);
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
  };
  return {
    name: "ServiceAccount",
    mutate(attributes) {
      const pod = podOf(attributes);
      if (!pod || attributes.operation !== "CREATE") return undefined;
      if (isMirror(pod)) return checkMirror(attributes, pod);
      pod.spec.serviceAccountName ||= pod.spec.serviceAccount || defaultName;
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      return withAccount(attributes, pod.spec.serviceAccountName, (account) => complete(pod, account));
    },
    validate(attributes) {
      const pod = podOf(attributes);
      const ephemeral = attributes.operation === "UPDATE" && attributes.subresource === "ephemeralcontainers";
      if (!pod || (attributes.operation !== "CREATE" && !ephemeral)) return undefined;
      if (!ephemeral && isMirror(pod)) return checkMirror(attributes, pod);
      const name = pod.spec.serviceAccountName;
      if (!name) throw refuse(attributes, `no service account specified for pod ${attributes.namespace}/${pod.metadata.name ?? ""}`);
      return withAccount(attributes, name, (account) => check(attributes, pod, ephemeral, account));
    },
  };
}

function podOf(attributes: AdmissionAttributes): Pod | undefined {
  return concerns(attributes, "pods", "ephemeralcontainers") ? (attributes.object as Pod | undefined) : undefined;
}

const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorPodAnnotation] !== undefined;

function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if (pod.spec.serviceAccountName) throw refuse(attributes, "a mirror pod may not reference service accounts");
  if (podSecrets(pod).length) throw refuse(attributes, "a mirror pod may not reference secrets");
  if (pod.spec.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.serviceAccountToken)))
    throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
}

const goTrue = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const enforcesSecrets = (account: ServiceAccount): boolean => goTrue.has(account.metadata.annotations?.["kubernetes.io/enforce-mountable-secrets"] ?? "");

function mountToken(pod: Pod, random: Random): void {
  const existing = pod.spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix));
  const name = existing?.name ?? `${volumePrefix}${nameSuffix(random)}`;
  let mounted = false;
  for (const containers of [pod.spec.initContainers, pod.spec.containers])
    for (const container of containers ?? []) {
      if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
      container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
      mounted = true;
    }
  if (!existing && mounted) pod.spec.volumes = [...(pod.spec.volumes ?? []), { name, projected }];
}

/** One for all pods. */
const projected: NonNullable<Volume["projected"]> = deepFreeze({
  sources: [
    { serviceAccountToken: { expirationSeconds: warnedTokenSeconds, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
  ],
  defaultMode: 0o644,
});

/** Why the account does not allow a secret that these containers name. */
function secretNotAllowed(account: ServiceAccount, what: string, containers: readonly (Container | EphemeralContainer)[] | undefined): string | undefined {
  const mountable = new Set(account.secrets?.map((ref) => ref.name));
  const because = (name: string): string =>
    `referencing secret.secretName="${name}" is not allowed because service account ${account.metadata.name} does not reference that secret`;
  for (const container of containers ?? []) {
    for (const env of container.env ?? []) {
      const ref = env.valueFrom?.secretKeyRef;
      if (ref && !mountable.has(ref.name)) return `${what} ${container.name} with envVar ${env.name} ${because(ref.name ?? "")}`;
    }
    for (const from of container.envFrom ?? []) {
      if (from.secretRef && !mountable.has(from.secretRef.name)) return `${what} ${container.name} with envFrom ${because(from.secretRef.name ?? "")}`;
    }
  }
  return undefined;
}

function notAllowed(account: ServiceAccount, pod: Pod): string | undefined {
  const mountable = new Set(account.secrets?.map((ref) => ref.name));
  const volume = pod.spec.volumes?.find((v) => v.secret && !mountable.has(v.secret.secretName));
  if (volume)
    return `volume with secret.secretName="${volume.secret?.secretName ?? ""}" is not allowed because service account ${account.metadata.name} does not reference that secret`;
  const why = secretNotAllowed(account, "init container", pod.spec.initContainers) ?? secretNotAllowed(account, "container", pod.spec.containers);
  if (why) return why;
  const pull = new Set(account.imagePullSecrets?.map((ref) => ref.name));
  const index = pod.spec.imagePullSecrets?.findIndex((ref) => !pull.has(ref.name)) ?? -1;
  if (index < 0) return undefined;
  return `imagePullSecrets[${index}].name="${pod.spec.imagePullSecrets?.[index]?.name}" is not allowed because service account ${account.metadata.name} does not reference that imagePullSecret`;
}
