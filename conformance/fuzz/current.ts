/** The file of the input that a child is being fed with, from which who watches over it knows what it died of. */
import { openSync, readFileSync, writeSync } from "node:fs";

/** Number, length and phase, then the input. */
const head = 12;
const mostInput = 20 << 20;
const phases = { fed: 0, between: 1 };

export class CurrentInput {
  readonly #page = Buffer.alloc(head + mostInput);
  readonly #file: number;
  #sequence = 0;

  constructor(file: string) {
    this.#file = openSync(file, "w");
  }
  announce(input: Uint8Array): void {
    this.#page.writeUInt32LE(input.length, 4);
    this.#page.set(input, head);
    this.#write(phases.fed, head + input.length);
  }
  /** What dies from now on does not die of the input. */
  done(): void {
    this.#write(phases.between, head);
  }
  get input(): Uint8Array {
    return this.#page.subarray(head, head + this.#page.readUInt32LE(4));
  }
  #write(phase: number, length: number): void {
    this.#page.writeUInt32LE(++this.#sequence, 0);
    this.#page.writeUInt32LE(phase, 8);
    writeSync(this.#file, this.#page, 0, length, 0);
  }
}

/** `sequence` counts inputs begun and ended; 0 before the first. */
export function readCurrent(file: string): { sequence: number; fed: boolean; input: Buffer } {
  const page = readFileSync(file);
  if (page.length < head) return { sequence: 0, fed: false, input: Buffer.alloc(0) };
  return { sequence: page.readUInt32LE(0), fed: page.readUInt32LE(8) === phases.fed, input: page.subarray(head, head + page.readUInt32LE(4)) };
}
