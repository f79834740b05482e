/**
 * A table that is asked for text which others chose: it has what was put in, and nothing that objects inherit, such as
 * `constructor`.
 */
export const table = <V>(entries: Readonly<Record<string, V>>): Readonly<Record<string, V>> =>
  Object.freeze(Object.assign(Object.create(null) as Record<string, V>, entries));

/** What the map itself has under the key: not what it inherits. */
export const own = <V>(map: Readonly<Record<string, V>> | undefined, key: string): V | undefined =>
  map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
