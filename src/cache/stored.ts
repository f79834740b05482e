/** One version of one object, small: its bytes, and what selectors need once they have asked for it. */
import { PassingMap } from "../base/passing-map.ts";
import { parseObjectPart, parsePart, type Wanted } from "../api/codec/json-part.ts";
import { findMember, nextMember, says, skipValue } from "../api/codec/json-scan.ts";
import type { KubeObject } from "../api/object.ts";
import type { Stored } from "./cache.ts";
import { KnownFields } from "./known-fields.ts";
import { replaceRevision, type Spliced, withRevision } from "./splice.ts";

/** Selectable fields of an object besides metadata.name and metadata.namespace. */
export type IndexFields = (object: KubeObject) => { fields?: Record<string, string> };

type Labels = Readonly<Record<string, string>>;
const noLabels: Labels = Object.freeze(Object.create(null) as Record<string, string>);
const quotedLabels = Buffer.from('"labels"');

/**
 * What the objects of one cache share: room for parsed forms and equal label sets. Of parsed forms those go first that came
 * first and were not read since the last round; a read only marks its object, so that it costs next to nothing.
 */
export class Shared {
  readonly #kept = new PassingMap<number, StoredObject>();
  #places = 0;
  readonly #labels = new Map<string, Labels>();
  #lastLabels: { text: Uint8Array; labels: Labels } | undefined;
  readonly #strings = new Map<string, string>();
  readonly #fields = new KnownFields();
  readonly #maxBytes: number;
  #bytes = 0;

  /** `maxBytes`: JSON bytes of the objects whose parsed form is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }
  parse(stored: StoredObject): KubeObject {
    if (stored.parsed) {
      stored.read = true;
      return stored.parsed;
    }
    const object = this.#fields.parse(stored.bytes, stored.written) as unknown as KubeObject;
    this.keep(stored, object);
    return object;
  }
  keep(stored: StoredObject, object: KubeObject): void {
    if (!stored.parsed) this.#bytes += stored.bytes.length;
    stored.parsed = object;
    if (!stored.place) this.#place(stored);
    if (this.#bytes <= this.#maxBytes) return;
    for (const place of this.#kept.keys()) {
      const oldest = this.#kept.get(place) as StoredObject;
      if (this.#bytes <= this.#maxBytes || this.#kept.size === 1) break;
      if (oldest === stored || oldest.read) {
        oldest.read = false;
        this.#kept.delete(oldest.place);
        this.#place(oldest);
      } else this.forget(oldest);
    }
  }
  /** Superseded, or long not asked for. */
  forget(stored: StoredObject): void {
    if (!this.#kept.delete(stored.place)) return;
    stored.place = 0;
    stored.parsed = undefined;
    this.#bytes -= stored.bytes.length;
  }
  #place(stored: StoredObject): void {
    stored.place = ++this.#places;
    this.#kept.set(stored.place, stored);
  }
  /** Those whose JSON begins there. Objects in the order of their names mostly have the labels of the one before. */
  labels(bytes: Uint8Array, from: number): Labels {
    const last = this.#lastLabels;
    if (last && says(bytes, from, last.text)) return last.labels;
    const text = Buffer.from(bytes.subarray(from, skipValue(bytes, from)));
    const key = text.toString("latin1");
    const labels = this.#labels.get(key) ?? ((JSON.parse(text.toString()) ?? noLabels) as Labels);
    if (text.length > sharedAtMost.labels) return labels;
    this.#lastLabels = { text, labels };
    return remember(this.#labels, key, labels);
  }
  string(text: string): string {
    return text.length > sharedAtMost.string ? text : remember(this.#strings, text, text);
  }
}

/** Characters: what is longer is hardly ever the same, and would stay after its object is gone. */
const sharedAtMost = { labels: 1024, string: 64 };
const rememberAtMost = 20_000;
function remember<V>(known: Map<string, V>, key: string, value: V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= rememberAtMost) known.clear();
  known.set(key, value);
  return value;
}

/** What the objects of one resource share. */
export interface Family {
  shared: Shared;
  index: IndexFields;
  /** All that `index` looks at; undefined: anything. */
  reads: Wanted | undefined;
  /** Names of the selectable fields as the objects seen so far had them; most resources have one set. */
  fieldNames: string[];
}

export class StoredObject<T extends KubeObject = KubeObject> implements Stored<T> {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly bytes: Uint8Array;
  /** The parsed form while Shared keeps it, under which number (0: it does not), and whether somebody asked for it lately. */
  parsed?: KubeObject;
  place = 0;
  read = false;
  /** Its bytes are an encoder's of ours. */
  written = false;
  readonly #family: Family;
  readonly #revisionAt: number;
  readonly #uidAt: number;
  readonly #uidLength: number;
  #labels?: Labels;
  #fieldNames?: string[];
  #fieldValues?: string[];

  constructor(family: Family, namespace: string, name: string, revision: number, spliced: Spliced) {
    this.#family = family;
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.bytes = spliced.bytes;
    this.#revisionAt = spliced.revisionAt;
    this.#uidAt = spliced.uidAt;
    this.#uidLength = spliced.uidLength;
  }
  get uid(): string {
    return this.#uidAt === 0 ? "" : Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.#uidAt, this.#uidLength).toString("latin1");
  }
  get labels(): Labels {
    this.#labels ??= this.#readLabels();
    return this.#labels;
  }
  get fields(): Readonly<Record<string, string>> {
    if (!this.#fieldValues) this.#readFields();
    const fields: Record<string, string> = { "metadata.name": this.name, "metadata.namespace": this.namespace };
    const names = this.#fieldNames as string[];
    const values = this.#fieldValues as string[];
    for (let i = 0; i < names.length; i++) fields[names[i] as string] = values[i] as string;
    return fields;
  }
  /** One selectable field, without making the record of all. */
  field(name: string): string | undefined {
    if (name === "metadata.name") return this.name;
    if (name === "metadata.namespace") return this.namespace;
    if (!this.#fieldValues) this.#readFields();
    return this.#fieldValues?.[(this.#fieldNames as string[]).indexOf(name)];
  }
  /** Its bytes were written here, for this object. */
  madeOf(object: KubeObject): void {
    this.written = true;
    this.#family.shared.keep(this, withRevision(object, this.revision));
  }
  object(): T {
    return this.#family.shared.parse(this) as T;
  }
  part(wanted: Wanted): { object: T; metadata: Uint8Array } {
    const { value, metadata } = parseObjectPart(this.bytes, this.parsed ? {} : wanted);
    return { object: (this.parsed ?? value) as T, metadata };
  }
  /** The same state under a later revision: what a watcher sees of an object that is gone. */
  at(revision: number): StoredObject<T> {
    const revisionAt = this.#revisionAt;
    const uidAt = this.#uidAt;
    const uidLength = this.#uidLength;
    const digits = String(this.revision).length;
    const bytes = replaceRevision(this.bytes, revisionAt, digits, revision);
    const moved = uidAt > revisionAt ? String(revision).length - digits : 0;
    return new StoredObject<T>(this.#family, this.namespace, this.name, revision, { bytes, revisionAt, uidAt: uidAt && uidAt + moved, uidLength });
  }

  /** They stand behind the revision, whatever order the members have. */
  #readLabels(): Labels {
    const { bytes } = this;
    const at = findMember(bytes, nextMember(bytes, this.#revisionAt + String(this.revision).length + 1), quotedLabels);
    return at < 0 ? noLabels : this.#family.shared.labels(bytes, at);
  }
  #readFields(): void {
    const { shared, index, reads } = this.#family;
    const fields = index(reads && !this.parsed ? (parsePart(this.bytes, reads) as unknown as KubeObject) : this.#whole()).fields ?? {};
    const names = Object.keys(fields);
    const known = this.#family.fieldNames;
    if (names.length === known.length && names.every((name, i) => name === known[i])) this.#fieldNames = known;
    else {
      this.#fieldNames = names;
      this.#family.fieldNames = names;
    }
    this.#fieldValues = Object.values(fields).map((value) => shared.string(value));
  }
  /** Strings are all that is taken from it, so the quick reading will do; and a scan of everything must not empty the cache. */
  #whole(): KubeObject {
    return this.parsed ?? (JSON.parse(Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).toString()) as KubeObject);
  }
}
