/**
 * Group commit: writes that arrive while one commit is under way share the next. What a write may do is decided when its
 * group is formed, on the state that the groups before have made durable; all of a group settle together, in order.
 */
import { StoreError } from "./store.ts";

interface Waiting<W> {
  write: W;
  resolve(revision: number): void;
  reject(error: Error): void;
}

export interface Committer<W, C> {
  /** Decides a write on the state left by those before it in the same group; throws what the caller shall see. */
  decide(write: W): { change: C; revision: number };
  /** Makes the changes durable, all or none. */
  commit(changes: C[]): Promise<void>;
  /** The group is durable: takes the changes over. */
  apply(changes: C[]): void;
  /** The group is not: what decide() noted is void. */
  discard(): void;
  /** Runs after the promises of a group were settled. */
  settled(): void;
}

const groupLimit = 2_000;

export class GroupCommit<W, C> {
  readonly #committer: Committer<W, C>;
  #queue: Waiting<W>[] = [];
  #exclusive: { run: () => Promise<void>; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #running?: Promise<void>;
  #closed = false;

  constructor(committer: Committer<W, C>) {
    this.#committer = committer;
  }
  write(write: W): Promise<number> {
    if (this.#closed) return Promise.reject(new StoreError("the store is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      this.#start();
    });
  }
  /** Runs between two groups. */
  exclusive(run: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.reject(new StoreError("the store is closed"));
    return new Promise((resolve, reject) => {
      this.#exclusive.push({ run, resolve, reject });
      this.#start();
    });
  }
  /** Refuses what comes; resolves when what came is settled. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0 || this.#exclusive.length > 0) this.#start();
    });
  }
  async #run(): Promise<void> {
    for (;;) {
      // Everyone whom the last group released gets the chance to be in this one.
      await new Promise((resolve) => setImmediate(resolve));
      const task = this.#exclusive.shift();
      if (task) await task.run().then(task.resolve, task.reject);
      const group = this.#queue.splice(0, groupLimit);
      if (group.length === 0 && this.#exclusive.length === 0) return;
      if (group.length > 0) await this.#commit(group);
    }
  }
  async #commit(group: Waiting<W>[]): Promise<void> {
    const outcomes: (number | Error)[] = [];
    const changes: C[] = [];
    for (const { write } of group)
      try {
        const { change, revision } = this.#committer.decide(write);
        changes.push(change);
        outcomes.push(revision);
      } catch (error) {
        outcomes.push(error as Error);
      }
    if (changes.length > 0)
      try {
        await this.#committer.commit(changes);
        this.#committer.apply(changes);
      } catch (error) {
        this.#committer.discard();
        if (group.length === 1) {
          group[0]?.reject(error as Error);
          return;
        }
        // One write that cannot be made must not take others with it; and the refusals were decided on what is void now.
        for (const waiting of group) await this.#commit([waiting]);
        return;
      }
    for (let i = 0; i < group.length; i++) {
      const outcome = outcomes[i] as number | Error;
      if (typeof outcome === "number") group[i]?.resolve(outcome);
      else group[i]?.reject(outcome);
    }
    if (changes.length > 0) this.#committer.settled();
  }
}
