/**
 * What filters say that look at the node object and the pod's own wishes only: remembered per distinct wishes and node, so
 * that pods alike, as of one Deployment, ask each node once. A node's answers are forgotten when it changes.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import type { NodeCheck, Rejection } from "./plugin.ts";

/** Distinct wishes remembered; the longest unused half goes. */
const limit = 128;

interface Verdicts {
  /** Version of the node that was asked, by row; 0: never. */
  versions: Int32Array;
  /** Place in `kinds`, by row. */
  verdicts: Uint8Array;
  readonly kinds: (Rejection | undefined)[];
  /** Rows that fit, in the order in which they are tried; of the nodes as they were then. */
  fitting?: { readonly rows: Int32Array; readonly order: Int32Array; readonly version: number };
}

/** Equal for pods that all static filters treat alike. */
export function wishesOf({ spec }: Pod): string {
  return JSON.stringify([spec.nodeName, spec.nodeSelector, spec.affinity?.nodeAffinity, spec.tolerations]);
}

export class StaticVerdicts {
  readonly #known = new Map<string, Verdicts>();

  /** The same answers as `check` gives, for rows of the cluster's own snapshot. */
  remembering(wishes: string, snapshot: Snapshot, check: NodeCheck): NodeCheck {
    const capacity = snapshot.nodeVersions.length;
    let known = this.#known.get(wishes);
    this.#known.delete(wishes);
    if (!known || known.versions.length < capacity) known = { versions: new Int32Array(capacity), verdicts: new Uint8Array(capacity), kinds: [undefined] };
    this.#known.set(wishes, known);
    if (this.#known.size > limit) this.#forgetOldest();
    const { versions, verdicts, kinds } = known;
    return (asked, row) => {
      // A node that stands alone has another numbering.
      if (asked !== snapshot) return check(asked, row);
      const version = snapshot.nodeVersions[row] as number;
      if (versions[row] === version) return kinds[verdicts[row] as number];
      const verdict = check(snapshot, row);
      let kind = kinds.indexOf(verdict);
      if (kind < 0) kind = kinds.push(verdict) - 1;
      versions[row] = version;
      verdicts[row] = kind;
      return verdict;
    };
  }

  /** Rows of the cluster's own snapshot that `check` lets pass, after `remembering` the same wishes. */
  fitting(wishes: string, snapshot: Snapshot, check: NodeCheck): Int32Array {
    const known = this.#known.get(wishes);
    const { order, nodesVersion: version } = snapshot;
    if (known?.fitting?.order === order && known.fitting.version === version) return known.fitting.rows;
    const rows = order.filter((row) => !check(snapshot, row));
    if (known) known.fitting = { rows, order, version };
    return rows;
  }

  #forgetOldest(): void {
    let left = limit / 2;
    for (const wishes of this.#known.keys()) {
      if (left-- <= 0) return;
      this.#known.delete(wishes);
    }
  }
}
