/**
 * Values that are stored in another form than they are held (k8s.io/apiserver/pkg/storage/value): a store in front of a
 * store. What no rule names passes untouched.
 */
import { internalError } from "../api/status.ts";
import { goQuote } from "../api/go-quote.ts";
import {
  type KeyValue,
  type ListOptions,
  type ListResult,
  RevisionMismatchError,
  type Store,
  StoreError,
  type StoreEvent,
  type WatchOptions,
} from "../store/store.ts";
import { type GroupResource, storagePrefix } from "./keys.ts";

/** A stored value cannot be read, for now or for good: its key is elsewhere, or nobody knows it. The cause says why. */
export class UnreadableError extends StoreError {
  override name = "UnreadableError";
}

export interface TransformContext {
  /** In the store; what is encrypted under one key is not read under another. */
  key: string;
  /** `secrets`, `deployments.apps`: what is counted. */
  resource: string;
}

export interface Transformed {
  data: Uint8Array;
  /** It would be written otherwise now. */
  stale: boolean;
}

export interface ValueTransformer {
  /** Throws, or rejects, for what it cannot read. */
  fromStorage(data: Uint8Array, context: TransformContext): Transformed | Promise<Transformed>;
  /** Throws when nothing may be written now. Gives a new array, or the same. */
  toStorage(data: Uint8Array, context: TransformContext): Uint8Array;
}

/** Undefined: values of this resource are stored as they are. Asked again for each value. */
export type TransformerOf = (resource: GroupResource) => ValueTransformer | undefined;

const encryptedPrefix = Buffer.from("k8s:enc:");
export const isEncrypted = (value: Uint8Array): boolean => value[0] === encryptedPrefix[0] && encryptedPrefix.equals(value.subarray(0, encryptedPrefix.length));
export const encryptedUnread = "identity transformer tried to read encrypted data";

export interface TransformingOptions {
  transformerOf: TransformerOf;
  /** Resources whose keys do not show their group. */
  resources: readonly GroupResource[];
  /** @default "/registry" */
  keyPrefix?: string;
}

export class TransformingStore implements Store {
  readonly #store: Store;
  readonly #transformerOf: TransformerOf;
  readonly #root: string;
  readonly #byPrefix = new Map<string, GroupResource>();
  /** What was written here comes back as the same array: it need not be read again. */
  readonly #written = new WeakMap<Uint8Array, Uint8Array>();

  constructor(store: Store, options: TransformingOptions) {
    this.#store = store;
    this.#transformerOf = options.transformerOf;
    this.#root = `${options.keyPrefix ?? "/registry"}/`;
    for (const resource of options.resources) {
      const prefix = storagePrefix(resource, options.keyPrefix);
      // Of two groups with the same objects the older one names them.
      if (!this.#byPrefix.has(prefix) || resource.group === "") this.#byPrefix.set(prefix, resource);
    }
  }

  create(key: string, value: Uint8Array, options?: { ttlSeconds?: number }): Promise<number> {
    try {
      return this.#store.create(key, this.#toStorage(key, value), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }
  async update(key: string, value: Uint8Array, expected: number, options?: { ttlSeconds?: number }): Promise<number> {
    return this.#readable(this.#store.update(key, this.#toStorage(key, value), expected, options));
  }
  delete(key: string, expected: number): Promise<number> {
    return this.#readable(this.#store.delete(key, expected));
  }
  async get(key: string): Promise<KeyValue | undefined> {
    const found = await this.#store.get(key);
    try {
      return found && (await this.#item(found));
    } catch (error) {
      // Who asks for one knows its key.
      throw error instanceof UnreadableError ? new UnreadableError((error.cause as Error).message, { cause: error.cause }) : error;
    }
  }
  async list(prefix: string, options?: ListOptions): Promise<ListResult> {
    const list = await this.#store.list(prefix, options);
    const items: KeyValue[] = [];
    for (const item of list.items) items.push(this.#touches(item.key, item.value) ? await this.#item(item) : item);
    return { ...list, items };
  }
  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<StoreEvent[]> {
    for await (const events of this.#store.watch(prefix, options)) {
      if (!events.some(({ key, value }) => value && this.#touches(key, value))) {
        yield events;
        continue;
      }
      const readable: StoreEvent[] = [];
      for (const event of events) {
        if (!event.value || !this.#touches(event.key, event.value)) readable.push(event);
        else readable.push(await this.#event(event, event.value));
      }
      yield readable;
    }
  }
  async #event(event: StoreEvent, stored: Uint8Array): Promise<StoreEvent> {
    const written = this.#written.get(stored);
    if (written) return { ...event, value: written };
    try {
      return { ...event, value: (await this.#fromStorage(event.key, stored)).data };
    } catch (error) {
      // The changes of all other keys go on.
      return { ...event, unreadable: error as Error };
    }
  }
  async stale(key: string): Promise<boolean> {
    if (!this.#transformerOf(this.#resourceOf(key))) return false;
    const found = await this.#store.get(key);
    return found !== undefined && (await this.#fromStorage(key, found.value)).stale;
  }
  revision(): Promise<number> {
    return this.#store.revision();
  }
  compact(revision: number): Promise<void> {
    return this.#store.compact(revision);
  }
  compactedRevision(): Promise<number> {
    return this.#store.compactedRevision();
  }
  /** The store behind it stays its owner's. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #touches(key: string, value: Uint8Array): boolean {
    return isEncrypted(value) || this.#transformerOf(this.#resourceOf(key)) !== undefined;
  }
  async #item(item: KeyValue): Promise<KeyValue> {
    return { ...item, value: (await this.#fromStorage(item.key, item.value)).data };
  }
  async #readable(writing: Promise<number>): Promise<number> {
    try {
      return await writing;
    } catch (error) {
      if (!(error instanceof RevisionMismatchError) || !error.current) throw error;
      throw new RevisionMismatchError(error.key, error.expected, await this.#item(error.current));
    }
  }
  async #fromStorage(key: string, value: Uint8Array): Promise<Transformed> {
    const resource = this.#resourceOf(key);
    const transformer = this.#transformerOf(resource);
    try {
      if (transformer) return await transformer.fromStorage(value, { key, resource: nameOf(resource) });
      if (isEncrypted(value)) throw new Error(encryptedUnread);
      return { data: value, stale: false };
    } catch (error) {
      throw new UnreadableError(`unable to transform key ${goQuote(key)}: ${(error as Error).message}`, { cause: error });
    }
  }
  #toStorage(key: string, value: Uint8Array): Uint8Array {
    const resource = this.#resourceOf(key);
    const transformer = this.#transformerOf(resource);
    if (!transformer) return value;
    try {
      const stored = transformer.toStorage(value, { key, resource: nameOf(resource) });
      this.#written.set(stored, value);
      return stored;
    } catch (error) {
      throw internalError((error as Error).message);
    }
  }
  #resourceOf(key: string): GroupResource {
    const first = key.indexOf("/", this.#root.length) + 1;
    const known = this.#byPrefix.get(key.slice(0, first));
    if (known) return known;
    const second = key.indexOf("/", first) + 1;
    const prefix = key.slice(0, second);
    let found = this.#byPrefix.get(prefix);
    if (!found) {
      found = { group: key.slice(this.#root.length, first - 1), resource: key.slice(first, second - 1) };
      this.#byPrefix.set(prefix, found);
    }
    return found;
  }
}

const nameOf = ({ group, resource }: GroupResource): string => (group ? `${resource}.${group}` : resource);
