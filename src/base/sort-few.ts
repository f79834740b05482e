/** Sorting of what is mostly short. */

const few = 16;

/** In place and stable, as Array.prototype.sort; a few elements take no memory for it. */
export function sortFew<T>(list: T[], compare: (a: T, b: T) => number): T[] {
  if (list.length > few) return list.sort(compare);
  for (let i = 1; i < list.length; i++) {
    const element = list[i] as T;
    let at = i;
    for (; at > 0 && compare(list[at - 1] as T, element) > 0; at--) list[at] = list[at - 1] as T;
    list[at] = element;
  }
  return list;
}
