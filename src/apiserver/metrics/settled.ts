/** The work's result, at once where it comes at once; `done` or `failed` is told before whoever called. */
export function settled<T>(work: () => T | Promise<T>, done: (value: T) => void, failed: () => void): T | Promise<T> {
  const told = (value: T): T => {
    done(value);
    return value;
  };
  const refused = (error: unknown): never => {
    failed();
    throw error;
  };
  let pending: T | Promise<T>;
  try {
    pending = work();
  } catch (error) {
    return refused(error);
  }
  return pending instanceof Promise ? pending.then(told, refused) : told(pending);
}
