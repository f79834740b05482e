/**
 * How much of the stack JavaScript may take here. It goes by V8's own default unless the program that started Node says more
 * (`--stack-size`, in KB), which it may only where the system gives the main thread as much.
 */
import { isMainThread } from "node:worker_threads";

const usual = 984;
const given = process.execArgv.map((argument) => /^--stack[-_]size=(\d+)$/.exec(argument)?.[1]).findLast((size) => size !== undefined);

/** KB. */
export const stackSize = isMainThread && given ? Number(given) : usual;
