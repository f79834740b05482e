/**
 * What the cache does for each resource, counted under upstream's names (k8s.io/apiserver/pkg/storage/cacher/metrics, of what
 * is read past it storage/etcd3/metrics). A series is made by the first that is counted in it.
 */
import type { Metrics, Sample, Value } from "../base/metrics.ts";
import type { GroupResource } from "./keys.ts";

export class ResourceSeries {
  readonly #families: Families;
  readonly #labels: readonly [string, string];
  #received: readonly [Sample, Sample] | undefined;
  #dispatched: Sample | undefined;
  #listed: readonly [Sample, Sample, Sample] | undefined;

  constructor(families: Families, { group, resource }: GroupResource) {
    this.#families = families;
    this.#labels = [group, resource];
  }
  /** A change came from the store. */
  received(): void {
    this.#received ??= [this.#families.storeEvents.with(...this.#labels), this.#families.received.with(...this.#labels)];
    this.#received[0].value++;
    this.#received[1].value++;
  }
  /** It was offered to whoever watches. */
  dispatched(): void {
    this.#dispatched ??= this.#families.dispatched.with(...this.#labels);
    this.#dispatched.value++;
  }
  /** Everything was read from the store, and is held from now on. */
  loaded(): void {
    this.#families.initializations.inc(...this.#labels);
  }
  /** A list was answered of which so many objects were looked at. */
  listed(fetched: number, returned: number): void {
    const { lists, fetched: all, returned: given } = this.#families;
    this.#listed ??= [lists.with(...this.#labels, ""), all.with(...this.#labels, ""), given.with(...this.#labels)];
    this.#listed[0].value++;
    this.#listed[1].value += fetched;
    this.#listed[2].value += returned;
  }
  /** The same of a list that the store answered; of `fetched` objects all but those after the last one needed were evaluated. */
  storeListed(fetched: number, evaluated: number, returned: number): void {
    const { store } = this.#families;
    store.lists.inc(...this.#labels);
    store.fetched.add(fetched, ...this.#labels);
    store.evaluated.add(evaluated, ...this.#labels);
    store.returned.add(returned, ...this.#labels);
  }
  /** A watch began with so many objects, or with so many changes of the past. */
  began(events: number): void {
    if (events > 0) this.#families.initial.add(events, ...this.#labels);
  }
}

export interface Families {
  readonly storeEvents: Value;
  readonly received: Value;
  readonly dispatched: Value;
  readonly initial: Value;
  readonly initializations: Value;
  readonly lists: Value;
  readonly fetched: Value;
  readonly returned: Value;
  readonly store: { readonly lists: Value; readonly fetched: Value; readonly evaluated: Value; readonly returned: Value };
}

export function cacheFamilies(metrics: Metrics): Families {
  const counter = (name: string, help: string, more: readonly string[] = []): Value =>
    metrics.counter(`apiserver_${name}_total`, help, ["group", "resource", ...more]);
  return {
    storeEvents: counter("storage_events_received", "Number of etcd events received split by kind."),
    received: counter("watch_cache_events_received", "Counter of events received in watch cache broken by resource type."),
    dispatched: counter("watch_cache_events_dispatched", "Counter of events dispatched in watch cache broken by resource type."),
    initial: counter("init_events", "Counter of init events processed in watch cache broken by resource type."),
    initializations: counter("watch_cache_initializations", "Counter of watch cache initializations broken by resource type."),
    lists: counter("cache_list", "Number of LIST requests served from watch cache", ["index"]),
    fetched: counter("cache_list_fetched_objects", "Number of objects read from watch cache in the course of serving a LIST request", ["index"]),
    returned: counter("cache_list_returned_objects", "Number of objects returned for a LIST request from watch cache"),
    store: {
      lists: counter("storage_list", "Number of LIST requests served from storage"),
      fetched: counter("storage_list_fetched_objects", "Number of objects read from storage in the course of serving a LIST request"),
      evaluated: counter("storage_list_evaluated_objects", "Number of objects tested in the course of serving a LIST request from storage"),
      returned: counter("storage_list_returned_objects", "Number of objects returned for a LIST request from storage"),
    },
  };
}
