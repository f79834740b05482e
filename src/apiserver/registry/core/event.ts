/** Events live for a while and are never collected (pkg/registry/core/event). */
import type { Registry } from "../../rest/call.ts";

export const eventRegistry = (ttlSeconds: number): Registry => ({ ttlSeconds: () => ttlSeconds, noGarbageCollection: true });
