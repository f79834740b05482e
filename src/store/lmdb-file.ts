/** What must hold of the files before LMDB maps them: a file that is cut short or is no database would crash the process. */
import { closeSync, fstatSync, linkSync, mkdirSync, openSync, readFileSync, readSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { treesWithin } from "./lmdb-pages.ts";
import { StoreError } from "./store.ts";

/** First bytes of LMDB's two meta pages (lmdb.h, MDB_MAGIC), behind the page header. */
const magic = 0xbeefc0de;
const metaAt = 24;
const metaLength = 136;

interface Meta {
  pageSize: number;
  /** Root pages of the list of free pages and of the main tree, which holds the others. */
  roots: bigint[];
  lastPage: bigint;
  transaction: bigint;
}

/** Throws StoreError for a file that is not a whole LMDB database; an absent or empty one is fine. */
export function checkFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new StoreError(`cannot open the store ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new StoreError(`${path} is not a store: it is not a regular file`);
    if (stat.size === 0) return;
    const first = readMeta(file, 0);
    const second = first && readMeta(file, first.pageSize);
    if (!first || !second) throw new StoreError(`${path} is not a store: it does not begin like an LMDB database`);
    const newest = second.transaction > first.transaction ? second : first;
    const needed = (newest.lastPage + 1n) * BigInt(newest.pageSize);
    const whole = BigInt(stat.size) / BigInt(newest.pageSize);
    if (BigInt(stat.size) < needed && !treesWithin(file, newest.pageSize, whole, newest.roots))
      throw new StoreError(`the store ${path} is cut short: it has ${stat.size} bytes of ${needed}; restore it from a backup`);
  } finally {
    closeSync(file);
  }
}

function readMeta(file: number, offset: number): Meta | undefined {
  const bytes = Buffer.alloc(metaLength);
  if (readSync(file, bytes, 0, metaLength, offset + metaAt) < metaLength || bytes.readUInt32LE(0) !== magic) return undefined;
  const pageSize = bytes.readUInt32LE(24);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  return {
    pageSize,
    roots: [bytes.readBigUInt64LE(64), bytes.readBigUInt64LE(112)],
    lastPage: bytes.readBigUInt64LE(120),
    transaction: bytes.readBigUInt64LE(128),
  };
}

/** Makes the directory (0700) and claims it for this process. Throws StoreError when another living process has it. */
export function claim(directory: string): { release(): void } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "owner");
  const self = `${process.pid} ${startOf(process.pid)}\n`;
  for (let attempt = 0; ; attempt++)
    try {
      publish(path, self);
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 3)
        throw new StoreError(`cannot claim the store ${directory}: ${(error as Error).message}`, { cause: error });
      const [pid = "", start = ""] = readFileSync(path, "utf8").trim().split(" ");
      if (start !== "" && startOf(Number(pid)) === start) throw new StoreError(`the store ${directory} is in use by process ${pid}`);
      // Its owner is gone, so the claim is void.
      unlinkSync(path);
    }
}

/** Throws EEXIST where the file is there; nobody ever sees it without its content. */
function publish(path: string, content: string): void {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, content, { mode: 0o600 });
  try {
    linkSync(own, path);
  } finally {
    rmSync(own, { force: true });
  }
}

/** When the process began (field 22 of /proc/PID/stat), which tells it from a later one with the same id; "" when there is none. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
