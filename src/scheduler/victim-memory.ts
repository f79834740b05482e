/**
 * Who would have to go on a node for a pod's sake: remembered for pods alike, as of one Deployment, until the node, its pods
 * or the pods awaited there change. A pod is like another where only its node's own state decides whether it fits.
 */
import type { Snapshot } from "./cache/snapshot.ts";
import type { Nominations } from "./framework/nominations.ts";
import type { PodInfo, Requests } from "./framework/pod-info.ts";
import type { PreparedFilters } from "./framework/prepared-filters.ts";
import { wishesOf } from "./framework/static-verdicts.ts";

/** Distinct pods remembered; then all are forgotten. */
const limit = 64;

interface Known<T> {
  rowVersions: Int32Array;
  awaitedVersions: Int32Array;
  readonly answers: (T | undefined)[];
}

export class VictimMemory<T> {
  readonly #known = new Map<Requests, Map<string, Known<T>>>();
  #snapshot: Snapshot | undefined;
  #namesVersion = 0;
  #budgets = "";
  #size = 0;

  /** The same answers as `ask` gives. `budgets` changes when a disruption budget does. */
  remembering(
    pod: PodInfo,
    prepared: PreparedFilters,
    { snapshot, nominations, budgets }: { snapshot: Snapshot; nominations: Nominations; budgets: string },
    ask: (row: number) => T,
  ): (row: number) => T {
    if (prepared.adjusts || pod.claims.length || pod.hostPorts.length) return ask;
    if (this.#snapshot !== snapshot || this.#namesVersion !== snapshot.namesVersion || this.#budgets !== budgets || this.#size >= limit) {
      this.#known.clear();
      this.#snapshot = snapshot;
      this.#namesVersion = snapshot.namesVersion;
      this.#budgets = budgets;
      this.#size = 0;
    }
    const awaited = nominations.versions(snapshot);
    const { rowVersions, answers, awaitedVersions } = this.#of(pod, snapshot.rowVersions.length);
    return (row) => {
      const known = answers[row];
      if (known !== undefined && rowVersions[row] === snapshot.rowVersions[row] && awaitedVersions[row] === awaited[row]) return known;
      const answer = ask(row);
      answers[row] = answer;
      rowVersions[row] = snapshot.rowVersions[row] as number;
      awaitedVersions[row] = awaited[row] as number;
      return answer;
    };
  }

  #of({ pod, priority, requests }: PodInfo, rows: number): Known<T> {
    const key = `${priority} ${pod.spec.schedulerName} ${wishesOf(pod)}`;
    let alike = this.#known.get(requests);
    if (!alike) {
      alike = new Map();
      this.#known.set(requests, alike);
    }
    let known = alike.get(key);
    if (!known || known.rowVersions.length < rows) {
      known = { rowVersions: new Int32Array(rows), awaitedVersions: new Int32Array(rows), answers: [] };
      alike.set(key, known);
      this.#size++;
    }
    return known;
  }
}
