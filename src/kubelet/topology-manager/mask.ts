/** Sets of NUMA nodes (pkg/kubelet/cm/topologymanager/bitmask). */

/** Bit n: node n. */
export type Mask = bigint;

export const maskOf = (nodes: Iterable<number>): Mask => {
  let mask = 0n;
  for (const node of nodes) mask |= 1n << BigInt(node);
  return mask;
};

export function count(mask: Mask): number {
  let bits = 0;
  for (let rest = mask; rest; rest &= rest - 1n) bits++;
  return bits;
}

export function nodesOf(mask: Mask): number[] {
  const nodes: number[] = [];
  for (let node = 0, rest = mask; rest; node++, rest >>= 1n) if (rest & 1n) nodes.push(node);
  return nodes;
}

export const has = (mask: Mask, node: number): boolean => node >= 0 && ((mask >> BigInt(node)) & 1n) === 1n;

/** Fewer nodes, or as many with lower numbers. */
export function isNarrower(a: Mask, b: Mask): boolean {
  const [left, right] = [count(a), count(b)];
  return left === right ? a < b : left < right;
}

/** Every choice of one or more of the nodes, the small ones first. */
export function* subsets(nodes: readonly number[]): Generator<Mask> {
  function* choose(from: number, size: number, mask: Mask): Generator<Mask> {
    if (size === 0) yield mask;
    else for (let i = from; i <= nodes.length - size; i++) yield* choose(i + 1, size - 1, mask | (1n << BigInt(nodes[i] as number)));
  }
  for (let size = 1; size <= nodes.length; size++) yield* choose(0, size, 0n);
}
