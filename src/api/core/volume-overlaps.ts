/** Files of a volume that would lie over each other (pkg/api/pod/warnings.go). */
import { goQuote } from "../field.ts";
import type { Volume, VolumeProjection } from "../types/core-v1.gen.ts";

interface File {
  path: string;
  source: string;
}

const shown = ({ path, source }: File): string => (source ? `${goQuote(path)} (${source})` : goQuote(path));
const from = (items: { path: string }[] | undefined, source: string): File[] => (items ?? []).map(({ path = "" }) => ({ path, source }));

/** `a with b` for each file that covers, or is covered by, an earlier one. */
function overlaps(files: File[]): string[] {
  const found: string[] = [];
  const before: File[] = [];
  for (const { path, source } of files) {
    const file = { path: path.replace(/\/+$/, ""), source };
    if (file.path) {
      for (const other of before) {
        if (other.path && (`${other.path}/`.startsWith(`${file.path}/`) || `${file.path}/`.startsWith(`${other.path}/`)))
          found.push(`${shown(file)} with ${shown(other)}`);
      }
    }
    before.push(file);
  }
  return found;
}

function projected(source: VolumeProjection): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle, podCertificate: certificate } = source;
  if (configMap?.items) return from(configMap.items, `ConfigMap ${goQuote(configMap.name ?? "")}`);
  if (secret?.items) return from(secret.items, `Secret ${goQuote(secret.name ?? "")}`);
  if (downwardAPI?.items) return from(downwardAPI.items, "DownwardAPI");
  if (token) return from([token], "ServiceAccountToken");
  if (bundle) return from([bundle], `ClusterTrustBundle ${goQuote(bundle.name ?? bundle.signerName ?? "")}`);
  const parts = [
    [certificate?.certificateChainPath, "PodCertificate chain"],
    [certificate?.keyPath, "PodCertificate key"],
    [certificate?.credentialBundlePath, "PodCertificate credential bundle"],
  ] as const;
  return parts.flatMap(([path, name]) => (path ? [{ path, source: name }] : []));
}

export function overlapWarnings(volumes: Volume[] | undefined): string[] {
  const found: string[] = [];
  for (const { name, configMap, secret, downwardAPI, projected: all } of volumes ?? []) {
    const warn = (what: string, files: File[]): void => {
      for (const text of overlaps(files)) found.push(`volume ${goQuote(name)} (${what}): overlapping paths: ${text}`);
    };
    if (configMap) warn(`ConfigMap ${goQuote(configMap.name ?? "")}`, from(configMap.items, ""));
    if (secret) warn(`Secret ${goQuote(secret.secretName ?? "")}`, from(secret.items, ""));
    if (downwardAPI) warn("DownwardAPI", from(downwardAPI.items, ""));
    for (const source of all?.sources ?? []) if (!Object.keys(source).length) found.push(`volume ${goQuote(name)} (Projected) has no sources provided`);
    if (all) warn("Projected", (all.sources ?? []).flatMap(projected));
  }
  return found;
}
