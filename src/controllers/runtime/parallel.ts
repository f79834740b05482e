/** Many requests, few at a time: a server refuses what comes beyond its limit of requests in flight (200 that write). */
const limit = 50;

/** Like Promise.allSettled over fn(item), with at most 50 under way. */
export async function settleAll<T, R>(items: readonly T[], fn: (item: T, index: number) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = new Array(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      [results[i]] = (await Promise.allSettled([fn(items[i] as T, i)])) as [PromiseSettledResult<R>];
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}
