/** Counters that the devices of a pool share: parts of one piece of hardware cannot all be given away. */
import type { Quantity } from "../../api/quantity.ts";
import { quantityOf } from "../../api/resource/device-capacity.ts";
import type { Device } from "../../api/types/resource-v1.gen.ts";
import type { DevicesInUse } from "./in-use.ts";
import { deviceId, type Pool } from "./pools.ts";

/** By `set/counter`. */
type Counts = Map<string, Quantity>;

function consume(counts: Counts, { consumesCounters = [] }: Device, sign: 1 | -1): void {
  for (const { counterSet, counters = {} } of consumesCounters) {
    for (const [name, { value }] of Object.entries(counters)) {
      const key = `${counterSet}/${name}`;
      const now = counts.get(key);
      const amount = quantityOf(value);
      if (now) counts.set(key, sign === 1 ? now.sub(amount) : now.add(amount));
    }
  }
}

/** What is left in a pool besides what claims hold already. */
export function countersLeft({ counters, slices, others }: Pool, inUse: DevicesInUse): Counts {
  const left: Counts = new Map();
  for (const [set, { counters: all = {} }] of counters) {
    for (const [name, { value }] of Object.entries(all)) left.set(`${set}/${name}`, quantityOf(value));
  }
  for (const slice of [...slices, ...others]) {
    for (const device of slice.spec.devices ?? []) {
      const id = deviceId(slice, device);
      if (inUse.whole.has(id) || inUse.shared.has(id)) consume(left, device, 1);
    }
  }
  return left;
}

/** Counters of pools while devices are tried. */
export class Counters {
  readonly #inUse: DevicesInUse;
  readonly #left = new Map<string, Counts>();
  constructor(inUse: DevicesInUse) {
    this.#inUse = inUse;
  }

  /** False, and nothing taken, where a counter of the pool would not do. */
  take(pool: Pool, device: Device): boolean {
    let left = this.#left.get(pool.id);
    if (!left) {
      left = countersLeft(pool, this.#inUse);
      this.#left.set(pool.id, left);
    }
    consume(left, device, 1);
    if ([...left.values()].every((amount) => amount.sign() >= 0)) return true;
    consume(left, device, -1);
    return false;
  }

  giveBack({ id }: Pool, device: Device): void {
    const left = this.#left.get(id);
    if (left) consume(left, device, -1);
  }
}
