/** Shuffle sharding: which few queues a flow may wait in (k8s.io/apiserver/pkg/util/shufflesharding). */
import { createHash } from "node:crypto";

/** 64 bits of the flow's hash: the same as upstream's, so that its dumps and ours agree. */
export function flowHash(schema: string, distinguisher: string): bigint {
  return createHash("sha256").update(schema).update("\0").update(distinguisher).digest().readBigUInt64LE(0);
}

/** `handSize` different numbers below `deckSize`. */
export function deal(hash: bigint, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let rest = hash;
  const remainders: number[] = [];
  for (let i = 0; i < handSize; i++) {
    const size = BigInt(deckSize - i);
    remainders.push(Number(rest % size));
    rest /= size;
  }
  for (let i = 0; i < handSize; i++) {
    let card = remainders[i] as number;
    for (let j = i; j > 0; j--) if (card >= (remainders[j - 1] as number)) card++;
    hand.push(card);
  }
  return hand;
}

/** Flows whose hands are kept: a flow that is asked for again costs one look-up. */
const keptHands = 4096;

/** Hands of one flow schema. */
export class Dealer {
  readonly #schema: string;
  readonly #deckSize: number;
  readonly #handSize: number;
  readonly #hands = new Map<string, readonly number[]>();

  constructor(schema: string, deckSize: number, handSize: number) {
    this.#schema = schema;
    this.#deckSize = deckSize;
    this.#handSize = handSize;
  }
  hand(distinguisher: string): readonly number[] {
    const known = this.#hands.get(distinguisher);
    if (known) return known;
    const hand = deal(flowHash(this.#schema, distinguisher), this.#deckSize, this.#handSize);
    if (this.#hands.size >= keptHands) this.#hands.clear();
    this.#hands.set(distinguisher, hand);
    return hand;
  }
}
