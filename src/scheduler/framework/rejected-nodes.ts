/** Nodes that refused a pod, and why. There may be thousands, with few different reasons: most questions are asked by reason. */
import type { Rejection } from "./plugin.ts";

export interface RejectionOf {
  readonly row: number;
  readonly rejection: Rejection;
}

export class RejectedNodes {
  readonly #rows: readonly number[];
  readonly #rejections: readonly Rejection[];

  /** Rows of the snapshot and, at the same place, what each says; perhaps one more. */
  constructor(rows: readonly number[] = [], rejections: readonly Rejection[] = [], more?: RejectionOf) {
    this.#rows = more ? [...rows, more.row] : rows;
    this.#rejections = more ? [...rejections, more.rejection] : rejections;
  }

  get size(): number {
    return this.#rows.length;
  }

  get(row: number): Rejection | undefined {
    const at = this.#rows.indexOf(row);
    return at < 0 ? undefined : this.#rejections[at];
  }

  /** How many nodes say the same. */
  counts(): Map<Rejection, number> {
    const counts = new Map<Rejection, number>();
    for (let i = 0; i < this.#rejections.length; ) {
      const rejection = this.#rejections[i] as Rejection;
      // Neighbours often say the same.
      let n = 0;
      do {
        n++;
        i++;
      } while (this.#rejections[i] === rejection);
      counts.set(rejection, (counts.get(rejection) ?? 0) + n);
    }
    return counts;
  }

  /** Nodes where other pods' going might help. */
  resolvable(): number[] {
    return this.#rows.filter((_, i) => this.#rejections[i]?.resolvable);
  }

  *[Symbol.iterator](): Iterator<readonly [row: number, rejection: Rejection]> {
    for (let i = 0; i < this.#rows.length; i++) yield [this.#rows[i] as number, this.#rejections[i] as Rejection];
  }
}
