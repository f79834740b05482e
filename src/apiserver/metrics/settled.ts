/** The work's result, at once where it comes at once; `done` or `failed` is told before whoever called. */
export function settled<T>(work: () => T | Promise<T>, done: (value: T) => void, failed: () => void): T | Promise<T> {
  let pending: T | Promise<T>;
  try {
    pending = work();
  } catch (error) {
    failed();
    throw error;
  }
  if (pending instanceof Promise) return settledLater(pending, done, failed);
  done(pending);
  return pending;
}

const settledLater = <T>(pending: Promise<T>, done: (value: T) => void, failed: () => void): Promise<T> =>
  pending.then(
    (value) => {
      done(value);
      return value;
    },
    (error) => {
      failed();
      throw error;
    },
  );
