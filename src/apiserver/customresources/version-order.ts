/** Which of two versions is the newer one: v2 before v1, v1 before v1beta2, and whatever else is there last (k8s.io/apimachinery/pkg/version/helpers.go). */
import { table } from "../../base/table.ts";

const rank = table<number>({ alpha: 0, beta: 1, "": 2 });

/** Positive where `a` is newer. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [parse(a), parse(b)];
  if (!x || !y) return x ? 1 : y ? -1 : a < b ? 1 : -1;
  return (rank[x.kind] as number) - (rank[y.kind] as number) || x.major - y.major || x.minor - y.minor;
}

function parse(version: string): { major: number; kind: string; minor: number } | undefined {
  const parts = /^v([\d]+)(?:(alpha|beta)([\d]+))?$/.exec(version);
  return parts ? { major: Number(parts[1]), kind: parts[2] ?? "", minor: Number(parts[3] ?? 0) } : undefined;
}
