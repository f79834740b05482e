import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { lmdbStore } from "./lmdb.ts";
import { storeSuite } from "./suite.ts";

const root = mkdtempSync(join(tmpdir(), "store-"));
let count = 0;
storeSuite("lmdb", (clock) => lmdbStore({ directory: join(root, String(count++)), clock }));
after(() => rmSync(root, { recursive: true }));
