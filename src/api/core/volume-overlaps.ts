/** Files of a volume that would lie over each other (pkg/api/pod/warnings.go). */
import { trimEnd } from "../../base/trim.ts";
import { goQuote } from "../go-quote.ts";
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
  (items ?? []).map(({ path = "" }) => ({ path: trimEnd(path, "/"), kind, ...(name === undefined ? {} : { name }) }));

/** So many of one volume are told; an answer has room for fewer. */
const most = 1000;

/**
 * `a with b` for each file that is, lies in or has in it an earlier one, in the order of the files. Sorted so that what lies in
 * a directory follows it at once, a file overlaps with those that are open when it comes, and with no others.
 */
function overlaps(files: readonly File[]): string[] {
  const sorted = files
    .flatMap(({ path }, index) => (path ? [{ key: `${path.replaceAll("/", "\0")}\0`, index }] : []))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.index - b.index));
  const pairs: [number, number][] = [];
  const open: typeof sorted = [];
  for (const file of sorted) {
    while (open.length && !file.key.startsWith((open.at(-1) as typeof file).key)) open.pop();
    for (const { index } of open) {
      if (pairs.length === most) break;
      pairs.push(index < file.index ? [file.index, index] : [index, file.index]);
    }
    open.push(file);
  }
  pairs.sort(([a, b], [c, d]) => a - c || b - d);
  return pairs.map(([later, earlier]) => `${shown(files[later] as File)} with ${shown(files[earlier] as File)}`);
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
