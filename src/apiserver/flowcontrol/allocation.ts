/** Concurrency divided among priority levels that borrow and lend (k8s.io/apiserver/pkg/util/flowcontrol/conc_alloc.go). */

export interface Claim {
  /** At least `lower`. */
  target: number;
  lower: number;
  upper: number;
}

export interface Allocation {
  shares: number[];
  /** Each share is this times its target, where no bound says otherwise. */
  fairProportion: number;
}

const minTarget = 0.001;
const epsilon = 1e-7;

/** Shares within their bounds that add up to `sum`. Throws an Error where there are none. */
export function allocate(sum: number, claims: readonly Claim[]): Allocation {
  const lowest = claims.reduce((total, claim) => total + claim.lower, 0);
  const highest = claims.reduce((total, claim) => total + claim.upper, 0);
  for (const { target, lower, upper } of claims) if (lower < 0 || target < lower || upper < lower) throw new Error("a claim contradicts itself");
  if (lowest - sum > epsilon) throw new Error(`lower bounds sum to ${lowest}, which is higher than the required sum of ${sum}`);
  if (sum - highest > epsilon) throw new Error(`upper bounds sum to ${highest}, which is lower than the required sum of ${sum}`);
  if (sum === 0) return { shares: claims.map(() => 0), fairProportion: 0 };
  const targets = claims.map(({ target }) => Math.max(target, minTarget));
  const lowers = claims.map(({ lower }, i) => lower / (targets[i] as number));
  const uppers = claims.map(({ upper }, i) => upper / (targets[i] as number));
  if (lowest - sum > -epsilon) return { shares: claims.map(({ lower }) => lower), fairProportion: Math.min(...lowers) };
  if (sum - highest > -epsilon) return { shares: claims.map(({ upper }) => upper), fairProportion: Math.max(...uppers) };
  const plain = sum / targets.reduce((total, target) => total + target, 0);
  if (Math.max(...lowers) <= plain && plain <= Math.min(...uppers)) return { shares: targets.map((target) => target * plain), fairProportion: plain };
  const fairProportion = boundedProportion(sum - lowest, targets, lowers, uppers);
  const shares = claims.map(({ lower, upper }, i) => Math.max(lower, Math.min(upper, fairProportion * (targets[i] as number))));
  return { shares, fairProportion };
}

/** Raises the proportion from bound to bound until `missing` is given out: between two of them the sum grows evenly. */
function boundedProportion(missing: number, targets: readonly number[], lowers: readonly number[], uppers: readonly number[]): number {
  const bounds = targets
    .flatMap((target, i) => [
      { at: lowers[i] as number, grows: target },
      { at: uppers[i] as number, grows: -target },
    ])
    .sort((a, b) => a.at - b.at);
  let proportion = bounds[0]?.at ?? 0;
  let slope = 0;
  let left = missing;
  for (const { at, grows } of bounds) {
    if (at > proportion) {
      const gain = (at - proportion) * slope;
      if (slope > 0 && gain >= left) break;
      left -= gain;
      proportion = at;
    }
    slope += grows;
    // Growth that is only the rounding of what has ended.
    if (Math.abs(slope) < epsilon) slope = 0;
  }
  return slope > 0 ? proportion + left / slope : proportion;
}
