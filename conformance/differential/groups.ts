/** Differences as classes: what changes from run to run (names, numbers, indices) is taken out of each. */
import { load } from "js-yaml";
import { kinds } from "../../src/apiserver/kinds.gen.ts";
import { differences, settled } from "./exchange.ts";

interface Cause {
  reason?: string;
  message?: string;
  field?: string;
}
interface StatusLike {
  kind?: string;
  reason?: string;
  message?: string;
  details?: { causes?: Cause[] };
}
interface Comparable {
  code: number;
  warnings: string[];
  body: unknown;
}

const general = (text: string): string =>
  text
    .replace(/e\d+x/g, "NAME")
    .replace(/"[^"]*"/g, '"…"')
    .replace(/\[\d+\]/g, "[#]")
    .replace(/\b\d+\b/g, "#")
    .slice(0, 300);
const causeText = (cause: Cause): string => `${cause.reason} ${(cause.field ?? "").replace(/\[[^\]]*\]/g, "[#]")}: ${general(cause.message ?? "")}`;
const isStatus = (body: unknown): body is StatusLike => (body as StatusLike | null)?.kind === "Status";

const inert = new Set(kinds.flatMap((kind) => (kind.inert ? [`299 - ${JSON.stringify(kind.inert)}`] : [])));

interface TableLike {
  columnDefinitions?: { description?: string }[];
  rows?: { cells: unknown[] }[];
  /** A mark where they are hidden. */
  events?: { object?: TableLike }[] | "*";
}

/** Without the prose of columns, and without our warning that nothing acts on a kind yet. */
function plain(answer: Comparable): Comparable {
  const body = answer.body as TableLike | null;
  const events = Array.isArray(body?.events) ? body.events : [];
  for (const table of [body, ...events.flatMap((event) => [event as TableLike, event.object])]) {
    for (const column of table?.columnDefinitions ?? []) column.description = "";
    for (const row of table?.rows ?? []) row.cells = row.cells.map((cell) => (typeof cell === "string" && /^\d+s$/.test(cell) ? "AGE" : cell));
  }
  return { ...answer, warnings: answer.warnings.filter((one) => !inert.has(one)) };
}

/** Errors of maps come in the order in which Go walks a map: any. */
const ofMap =
  /\[[^\]\d][^\]]*\]|(selector|allocatedResources|allocatedResourceStatuses|labels|annotations|matchLabels|nodeSelector|data|requests|limits|hard|capacity|parameters|counters|attributes|storedVersions)(\[|$)|^status\.allocatable\./;
const ofSet = /must populate the given metric source only$/;
const ordered = (list: string[]): string =>
  list
    .filter((one) => {
      const { field = "", message = "" } = JSON.parse(one) as Cause;
      return !ofMap.test(field) && !ofSet.test(message);
    })
    .join();

const yaml = /^kind: \w+$/m;
const unorderedYaml = /^kind: (Status|SelfSubjectRulesReview)$/m;

/** What may come in any order is compared by what it says, in YAML too; `all` of what is YAML where something is to be hidden. */
export function opened<T extends { body: unknown }>(answer: T, all = false): T {
  const { body } = answer;
  return typeof body === "string" && (all ? yaml : unorderedYaml).test(body) ? { ...answer, body: load(body) } : answer;
}

/** Of a limit range's complaints: each resource of a Go map has one. */
const complaints = /^((?:pods|persistentvolumeclaims) .* is forbidden: \[)(.*)\]$/;

/** Upstream adds the volumes of a stateful set's claim templates to its pods' in the order of a Go map: which is which is chance. */
function withoutPlaces(body: StatusLike): void {
  const anywhere = (text: string): string => text.replace(/(spec\.template\.spec\.volumes)\[\d+\]/g, "$1[ANY]");
  body.message = anywhere(body.message ?? "");
  for (const cause of body.details?.causes ?? []) cause.field = anywhere(cause.field ?? "");
}

/** A definition for which the server alone has something left to do: it stands still only between two steps of that. */
export function isEnding(object: unknown): boolean {
  const { deletionTimestamp, finalizers } = (object as { metadata?: { deletionTimestamp?: string; finalizers?: string[] } }).metadata ?? {};
  return deletionTimestamp !== undefined && finalizers?.length === 1 && finalizers[0] === "customresourcecleanup.apiextensions.k8s.io";
}

/** How often upstream tries before it has taken a definition's objects away is chance (crd_finalizer.go: InstanceDeletionFailed). */
function withoutEnding(body: { events?: unknown }): void {
  if (Array.isArray(body.events))
    body.events = body.events.filter(({ type, object }: { type?: string; object?: unknown }) => type !== "MODIFIED" || !isEnding(object ?? {}));
}

/** Upstream gathers the rules of one who asks, the managers who own a field, and what a limit range finds, in the order of Go maps. */
function unordered(answer: Comparable): Comparable {
  const body = answer.body as { kind?: string; status?: Record<string, unknown[]>; details?: { causes?: Cause[] } } | null;
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  if (body) withoutEnding(body as { events?: unknown });
  if (body?.kind === "SelfSubjectRulesReview") for (const list of Object.values(body.status ?? {})) if (Array.isArray(list)) list.sort(byText);
  if (body?.kind === "Status" && (body.details as { kind?: string } | undefined)?.kind === "StatefulSet") withoutPlaces(body as StatusLike);
  const found = complaints.exec((body as StatusLike | null)?.message ?? "");
  if (found)
    (body as StatusLike).message = `${found[1]}${(found[2] as string)
      .split(/, (?=(?:maximum|minimum|cpu|memory|ephemeral-storage) )/)
      .sort()
      .join(", ")}]`;
  if (body?.details?.causes?.every((cause) => cause.reason === "FieldManagerConflict")) body.details.causes.sort(byText);
  return answer;
}

/** One line per way in which the answers differ; the first words say which class it is. */
export function classify(peer: Comparable, ours: Comparable): string[] {
  const a = unordered(plain(settled(opened(peer)) as Comparable));
  const b = unordered(plain(settled(opened(ours)) as Comparable));
  const found = differences(a, b);
  if (!found.length) return [];
  const lines: string[] = [];
  if (a.code !== b.code) {
    const of = (x: Comparable): string =>
      `${x.code}${isStatus(x.body) ? ` ${x.body.reason ?? ""} ${general(x.body.details?.causes?.length ? x.body.details.causes.map(causeText).join("; ") : (x.body.message ?? ""))}` : ""}`;
    return [`code: peer ${of(a)} | ours ${of(b)}`];
  }
  if (isStatus(a.body) && isStatus(b.body)) {
    const causes = [a.body.details?.causes ?? [], b.body.details?.causes ?? []].map((list) => list.map((cause) => JSON.stringify(cause)));
    const [left, right] = causes as [string[], string[]];
    const only = (from: string[], other: string[]): string[] => {
      const rest = [...other];
      return from.filter((one) => {
        const at = rest.indexOf(one);
        if (at >= 0) rest.splice(at, 1);
        return at < 0;
      });
    };
    const peerOnly = only(left, right);
    const oursOnly = only(right, left);
    for (const one of peerOnly) lines.push(`cause missing: ${causeText(JSON.parse(one) as Cause)}`);
    for (const one of oursOnly) lines.push(`cause extra: ${causeText(JSON.parse(one) as Cause)}`);
    if (!lines.length && left.join() !== right.join()) {
      if (ordered(left) === ordered(right)) return [];
      const fields = left.map((one) => (JSON.parse(one) as Cause).field).join(" ");
      lines.push(`causes in another order: ${fields.replace(/\[[^\]]*\]/g, "[#]")}`);
    }
    if (!lines.length && a.body.message !== b.body.message)
      lines.push(`message: peer ${general(a.body.message ?? "")} | ours ${general(b.body.message ?? "")}`);
  }
  if (a.warnings.join() !== b.warnings.join())
    lines.push(
      `warnings: peer ${general(a.warnings.filter((one) => !b.warnings.includes(one)).join(", "))} | ours ${general(b.warnings.filter((one) => !a.warnings.includes(one)).join(", "))}`,
    );
  if (!lines.length) for (const line of found) lines.push(general(line.replace(/\.\d+(?=[.:])/g, ".#")));
  return [...new Set(lines)];
}

export interface Sample {
  episode: number;
  method: string;
  path: string;
  body: string;
  found: string[];
}
interface Class {
  count: number;
  sample: Sample;
}

export class Groups {
  readonly #classes = new Map<string, Class>();

  add(title: string, sample: Sample): void {
    const known = this.#classes.get(title);
    if (known) known.count++;
    else this.#classes.set(title, { count: 1, sample });
  }

  /** Most frequent first, each with one request that shows it. */
  *lines(): Iterable<string> {
    for (const [title, { count, sample }] of [...this.#classes].sort(([, a], [, b]) => b.count - a.count)) {
      yield `${count}x ${title}`;
      yield `     episode ${sample.episode}: ${sample.method} ${sample.path}`;
      if (sample.body) yield `     ${sample.body.slice(0, 700)}`;
      for (const line of sample.found.slice(0, 6)) yield `     ${line.slice(0, 700)}`;
    }
  }

  get size(): number {
    return this.#classes.size;
  }
}
