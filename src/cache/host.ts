/** The cache as its resources see it. */
import type { MemberTexts } from "../api/codec/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import type { Store } from "../store/store.ts";
import type { Audience } from "./audience.ts";
import type { HistoryBounds } from "./history.ts";
import type { GroupResource } from "./keys.ts";
import type { ResourceSeries } from "./series.ts";

/** What a resource needs of the cache it belongs to. */
export interface Host {
  readonly store: Store;
  readonly clock: Clock;
  readonly history?: HistoryBounds;
  /** What is counted of a resource. */
  seriesOf(resource: GroupResource): ResourceSeries;
  /** Revision up to which the store's changes are applied. */
  applied(): number;
  /** Resolves when all changes up to `revision` are applied. */
  reached(revision: number): Promise<void>;
  /** Resolves with a revision that covers every write settled so far, applied. */
  fresh(): number | Promise<number>;
  /** Revision up to which watchers have been told of the changes. */
  told(): number;
  /** Lets the audience see what was staged, once the writes applied now have settled. */
  releaseSoon(audience: Audience): void;
  /** Resolves when watchers have had the chance to take what was staged, if that is much: who writes without a pause must not outrun them. */
  breathe(): Promise<void> | undefined;
  encode(object: KubeObject, texts: MemberTexts | undefined): Uint8Array;
}
