/** The order of versions such as v1, v2beta1 and v1alpha3 (k8s.io/apimachinery/pkg/version). */
import { table } from "../../base/table.ts";

const ranks = table<number>({ alpha: 0, beta: 1 });
const stable = 2;

function parse(version: string): [rank: number, major: number, minor: number] | undefined {
  const [, major, kind, minor] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  return major === undefined ? undefined : [kind ? (ranks[kind] as number) : stable, Number(major), Number(minor ?? 0)];
}

/** Positive where `a` is the more stable or the newer; other names are behind all of these, in alphabetical order. */
export function compareKubeVersions(a: string, b: string): number {
  const [one, other] = [parse(a), parse(b)];
  if (!one && !other) return a < b ? 1 : a > b ? -1 : 0;
  if (!one) return -1;
  if (!other) return 1;
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}
