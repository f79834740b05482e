/** Which pages an LMDB file's trees use: its format (mdb.c: MDB_page, MDB_node, MDB_ovpage, MDB_db) as far as that needs. */
import { readSync } from "node:fs";

const header = 24;
const branch = 0x01;
const leaf = 0x02;
const inOverflow = 0x01;
const inTree = 0x02;
/** Root of a tree without rows. */
const none = 2n ** 64n - 1n;

/**
 * True when every page reachable from the roots lies within the first `pages` pages of the file. Pages that a transaction
 * took and gave up again are counted by the meta page but never written, so a whole file may be shorter than it says.
 */
export function treesWithin(file: number, pageSize: number, pages: bigint, roots: bigint[]): boolean {
  const page = Buffer.alloc(pageSize);
  const due = roots.filter((root) => root !== none);
  for (let at = due.pop(); at !== undefined; at = due.pop()) {
    if (at >= pages || readSync(file, page, 0, pageSize, Number(at) * pageSize) < pageSize) return false;
    const kind = page.readUInt16LE(18) & (branch | leaf);
    const rows = page.readUInt16LE(20) >> 1;
    if (page.readBigUInt64LE(0) !== at || (kind !== branch && kind !== leaf) || header + 2 * rows > pageSize) return false;
    for (let row = 0; row < rows; row++) {
      const node = page.readUInt16LE(header + 2 * row) + header;
      if (node + 8 > pageSize) return false;
      const flags = page.readUInt16LE(node + 4);
      if (kind === branch) {
        due.push(BigInt(page.readUInt32LE(node)) | (BigInt(flags) << 32n));
        continue;
      }
      if ((flags & (inOverflow | inTree)) === 0) continue;
      const data = node + 8 + page.readUInt16LE(node + 6);
      if (data + (flags & inOverflow ? 24 : 48) > pageSize) return false;
      if (flags & inOverflow) {
        if (page.readBigUInt64LE(data) + page.readBigUInt64LE(data + 16) > pages) return false;
      } else if (page.readBigUInt64LE(data + 40) !== none) due.push(page.readBigUInt64LE(data + 40));
    }
  }
  return true;
}
