/** Whether a value was given before. A list may have hundred thousands: each is looked up, not compared with all. */
export function seenBefore<T>(): (value: T) => boolean {
  const seen = new Set<T>();
  return (value) => {
    if (seen.has(value)) return true;
    seen.add(value);
    return false;
  };
}
