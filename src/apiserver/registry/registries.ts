/** The registries of all kinds that have one, by groupResource. */
import type { Registry } from "../rest/call.ts";

export const registries: Record<string, Registry> = {};
