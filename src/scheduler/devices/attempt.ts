/** One search for devices on a node. */
import type { Device, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import type { NodeFacts } from "../framework/node-selector.ts";
import { type Amounts, hasCapacity, shareOf, sumOf } from "./capacity.ts";
import type { Constraint } from "./constraints.ts";
import { Counters } from "./counters.ts";
import type { DevicesInUse } from "./in-use.ts";
import { deviceId, type Pool, reachedFrom } from "./pools.ts";
import { claimKey, keepsAway, shortName, takes, type Wanted } from "./wanted.ts";

/** Of one claim. */
export const maxResults = 32;

export interface Candidate {
  readonly id: string;
  readonly device: Device;
  readonly slice: ResourceSlice;
  readonly pool: Pool;
}

export interface Counted {
  readonly wanted: Wanted;
  readonly count: number;
  /** Where it asks for all that there are. */
  readonly all: readonly Candidate[] | undefined;
}

export interface Choice extends Candidate {
  readonly wanted: Wanted;
  readonly share?: { readonly id: string; readonly consumed: Amounts };
}

/** "many": more devices than a claim may have. */
type Outcome = boolean | "many";
type Place = readonly [pool: number, slice: number, device: number];
const start: Place = [0, 0, 0];

export interface AttemptOptions {
  /** By claim and request: its alternatives. */
  requests: readonly (readonly (readonly Counted[])[])[];
  /** By claim. */
  constraints: readonly (readonly Constraint[])[];
  pools: readonly Pool[];
  node: NodeFacts;
  inUse: DevicesInUse;
  uuid(): string;
  /** Throws when it has taken too long. */
  tick(): void;
}

export class Attempt {
  /** By claim. */
  readonly chosen: Choice[][];
  readonly #options: AttemptOptions;
  readonly #counters: Counters;
  /** By claim and request, the number of the alternative. */
  readonly #selected: number[][];
  /** Claims that take the device whole. */
  readonly #taken = new Map<string, Set<number>>();
  readonly #shares = new Map<string, Amounts[]>();

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#counters = new Counters(options.inUse);
    this.chosen = options.requests.map(() => []);
    this.#selected = options.requests.map((requests) => requests.map(() => 0));
  }

  run(): boolean {
    return this.#request(0, 0) === true;
  }

  /** By request, what was chosen of its alternatives. */
  wantedOf(claim: number): Wanted[] {
    const { requests } = this.#options;
    return (requests[claim] ?? []).flatMap((alternatives, i) => alternatives[this.#selected[claim]?.[i] ?? 0]?.wanted ?? []);
  }

  #request(claim: number, request: number): Outcome {
    this.#options.tick();
    const { requests } = this.#options;
    const ofClaim = requests[claim];
    if (!ofClaim) return true;
    const alternatives = ofClaim[request];
    if (!alternatives) return this.#request(claim + 1, 0) === true;
    let allMany = true;
    for (const [i, counted] of alternatives.entries()) {
      const outcome = this.#devices(claim, request, counted, 0, start);
      if (outcome === "many") continue;
      allMany = false;
      if (!outcome) continue;
      (this.#selected[claim] as number[])[request] = i;
      return true;
    }
    return allMany ? "many" : false;
  }

  #devices(claim: number, request: number, counted: Counted, done: number, from: Place): Outcome {
    this.#options.tick();
    const { wanted, count, all } = counted;
    if (all?.length === 0) return false;
    if (done >= count) return this.#request(claim, request + 1);
    if ((this.chosen[claim] as Choice[]).length + count - done > maxResults) return "many";
    if (all) {
      const undo = this.#take(claim, wanted, all[done] as Candidate, true);
      if (!undo) return false;
      const outcome = this.#devices(claim, request, counted, done + 1, start);
      if (outcome !== true) undo();
      return outcome;
    }
    const { pools } = this.#options;
    for (let p = from[0]; p < pools.length; p++) {
      const pool = pools[p] as Pool;
      for (let s = p === from[0] ? from[1] : 0; s < pool.slices.length; s++) {
        const slice = pool.slices[s] as ResourceSlice;
        const devices = slice.spec.devices ?? [];
        for (let d = p === from[0] && s === from[1] ? from[2] : 0; d < devices.length; d++) {
          const undo = this.#try(claim, wanted, { id: deviceId(slice, devices[d] as Device), device: devices[d] as Device, slice, pool });
          if (!undo) continue;
          const outcome = this.#devices(claim, request, counted, done + 1, [p, s, d + 1]);
          if (outcome === true) return true;
          undo();
          if (outcome === "many") return outcome;
        }
      }
    }
    return false;
  }

  #isFree(claim: number, { adminAccess }: Wanted, { id, device }: Candidate): boolean {
    const taken = this.#taken.get(id);
    if (adminAccess) return device.allowMultipleAllocations || !taken?.has(claim);
    return !this.#options.inUse.whole.has(id) && !taken?.size;
  }

  #try(claim: number, wanted: Wanted, candidate: Candidate): (() => void) | undefined {
    const { device, slice } = candidate;
    if (!this.#isFree(claim, wanted, candidate) || !takes(wanted, slice, device)) return undefined;
    if (slice.spec.perDeviceNodeSelection && !reachedFrom(this.#options.node, device)) return undefined;
    return this.#take(claim, wanted, candidate, false);
  }

  /** Undefined where it cannot be had; the function gives it back. */
  #take(claim: number, wanted: Wanted, candidate: Candidate, must: boolean): (() => void) | undefined {
    const { id, device, slice, pool } = candidate;
    const { inUse, constraints, uuid } = this.#options;
    const shares = this.#shares.get(id) ?? [];
    if (!this.#isFree(claim, wanted, candidate) || keepsAway(device, wanted)) return undefined;
    if (!hasCapacity(device, wanted.capacity, [inUse.shared.get(id), shares.reduce<Amounts | undefined>(sumOf, undefined)])) return undefined;
    // The first share of a device takes what the device takes; the others come with it.
    const first = !(device.allowMultipleAllocations && (inUse.shared.has(id) || shares.length));
    const counts = first && Boolean(device.consumesCounters?.length);
    if (counts && !this.#counters.take(pool, device)) return undefined;
    const added: Constraint[] = [];
    const undo = (): void => {
      for (const constraint of added) constraint.remove(wanted.request, wanted.alternative);
      if (counts) this.#counters.giveBack(pool, device);
    };
    for (const constraint of constraints[claim] ?? []) {
      if (constraint.add(wanted.request, wanted.alternative, device, slice.spec.driver)) {
        added.push(constraint);
        continue;
      }
      undo();
      if (!must) return undefined;
      const where = `claim ${claimKey(wanted.claim)}, request ${shortName(wanted)}`;
      throw new Error(`${where}: cannot add device ${id} because a claim constraint would not be satisfied`);
    }
    const chosen = this.chosen[claim] as Choice[];
    if (device.allowMultipleAllocations) {
      const consumed = shareOf(device, wanted.capacity);
      this.#shares.set(id, [...shares, consumed]);
      chosen.push({ ...candidate, wanted, share: { id: uuid(), consumed } });
      return () => {
        chosen.pop();
        this.#shares.set(id, shares);
        undo();
      };
    }
    const taken = this.#taken.get(id) ?? new Set();
    this.#taken.set(id, taken.add(claim));
    chosen.push({ ...candidate, wanted });
    return () => {
      chosen.pop();
      taken.delete(claim);
      undo();
    };
  }
}
