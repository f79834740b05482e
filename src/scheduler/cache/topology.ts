/** Values of a label on nodes as small numbers, per row, so that counting by zone or host is counting in an array. */

export interface TopologyColumn {
  readonly key: string;
  /** Per row of the cluster's snapshot; -1 where the node has no such label or does not exist. */
  ids: Int32Array;
  /** Numbers in use are below this. */
  size: number;
  /** Grows when a node changes its place. */
  version: number;
  /** How many nodes have each value. */
  readonly nodes: number[];
}

interface Kept extends TopologyColumn {
  readonly idOf: Map<string, number>;
}

export class Topology {
  readonly #columns = new Map<string, Kept>();
  #rows = 0;

  grow(rows: number): void {
    if (rows <= this.#rows) return;
    this.#rows = Math.max(rows, this.#rows * 2, 8);
    for (const column of this.#columns.values()) {
      const ids = new Int32Array(this.#rows).fill(-1);
      ids.set(column.ids);
      column.ids = ids;
    }
  }

  /** A node's labels have changed; undefined when it is gone. */
  set(row: number, labels: Readonly<Record<string, string>> | undefined): void {
    for (const column of this.#columns.values()) {
      // Values of nodes long gone are forgotten by counting anew at the next use.
      if (column.idOf.size > 2 * this.#rows + 1024) this.#columns.delete(column.key);
      else {
        const id = idOf(column, labels);
        const old = column.ids[row] as number;
        if (old === id) continue;
        if (old >= 0) column.nodes[old]!--;
        if (id >= 0) column.nodes[id]!++;
        column.ids[row] = id;
        column.version++;
      }
    }
  }

  /** `rows`: what nodes there are, for the first use of a key. */
  column(key: string, rows: readonly { node: unknown; labels: Readonly<Record<string, string>> }[]): TopologyColumn {
    const known = this.#columns.get(key);
    if (known) return known;
    const column: Kept = { key, ids: new Int32Array(this.#rows).fill(-1), size: 0, version: 0, nodes: [], idOf: new Map() };
    for (const [row, { node, labels }] of rows.entries()) {
      const id = idOf(column, node ? labels : undefined);
      column.ids[row] = id;
      if (id >= 0) column.nodes[id]!++;
    }
    this.#columns.set(key, column);
    return column;
  }
}

function idOf(column: Kept, labels: Readonly<Record<string, string>> | undefined): number {
  const value = labels?.[column.key];
  if (value === undefined) return -1;
  let id = column.idOf.get(value);
  if (id === undefined) {
    id = column.size++;
    column.nodes.push(0);
    column.idOf.set(value, id);
  }
  return id;
}
