/** Files of a volume that would lie over each other (pkg/api/pod/warnings.go). */
import { goQuote } from "../field.ts";
import type { Volume, VolumeProjection } from "../types/core-v1.gen.ts";

interface File {
  path: string;
  /** What it comes from, and the name of that. */
  kind: string;
  name?: string;
}

const sourceOf = ({ kind, name }: File): string => (name === undefined ? kind : `${kind} ${goQuote(name)}`);
const shown = (file: File): string => (file.kind ? `${goQuote(file.path)} (${sourceOf(file)})` : goQuote(file.path));
const from = (items: { path: string }[] | undefined, kind: string, name?: string): File[] =>
  (items ?? []).map(({ path = "" }) => ({ path: path.endsWith("/") ? path.replace(/\/+$/, "") : path, kind, ...(name === undefined ? {} : { name }) }));

/** The same, or a directory that the other lies in. */
function covers(a: string, b: string): boolean {
  if (a.length > b.length) return covers(b, a);
  return b.startsWith(a) && (a.length === b.length || b[a.length] === "/");
}

/** `a with b` for each file that covers, or is covered by, an earlier one. */
function overlaps(files: readonly File[]): string[] {
  const found: string[] = [];
  for (let i = 1; i < files.length; i++) {
    const file = files[i] as File;
    for (let j = 0; file.path && j < i; j++) {
      const other = files[j] as File;
      if (other.path && covers(other.path, file.path)) found.push(`${shown(file)} with ${shown(other)}`);
    }
  }
  return found;
}

function projected(source: VolumeProjection): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle, podCertificate: certificate } = source;
  if (configMap?.items) return from(configMap.items, "ConfigMap", configMap.name ?? "");
  if (secret?.items) return from(secret.items, "Secret", secret.name ?? "");
  if (downwardAPI?.items) return from(downwardAPI.items, "DownwardAPI");
  if (token) return from([token], "ServiceAccountToken");
  if (bundle) return from([bundle], "ClusterTrustBundle", bundle.name ?? bundle.signerName ?? "");
  const parts = [
    [certificate?.certificateChainPath, "PodCertificate chain"],
    [certificate?.keyPath, "PodCertificate key"],
    [certificate?.credentialBundlePath, "PodCertificate credential bundle"],
  ] as const;
  return parts.flatMap(([path, kind]) => (path ? from([{ path }], kind) : []));
}

export function overlapWarnings(volumes: Volume[] | undefined): string[] {
  const found: string[] = [];
  for (const { name, configMap, secret, downwardAPI, projected: all } of volumes ?? []) {
    if (!configMap && !secret && !downwardAPI && !all) continue;
    const warn = (what: () => string, files: File[]): void => {
      for (const text of overlaps(files)) found.push(`volume ${goQuote(name)} (${what()}): overlapping paths: ${text}`);
    };
    if (configMap) warn(() => `ConfigMap ${goQuote(configMap.name ?? "")}`, from(configMap.items, ""));
    if (secret) warn(() => `Secret ${goQuote(secret.secretName ?? "")}`, from(secret.items, ""));
    if (downwardAPI) warn(() => "DownwardAPI", from(downwardAPI.items, ""));
    for (const source of all?.sources ?? []) if (!Object.keys(source).length) found.push(`volume ${goQuote(name)} (Projected) has no sources provided`);
    if (all) warn(() => "Projected", (all.sources ?? []).flatMap(projected));
  }
  return found;
}
