import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { FlagError } from "./flag-error.ts";
import { selfSigned } from "./self-signed.ts";
import { keptCertificate } from "./serving-certificate.ts";

const hosts = { dns: ["localhost"], ip: ["127.0.0.1"] };
async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "serving-certificate-"));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("a pair that somebody put into the directory is served, and stays", () =>
  withDirectory(async (directory) => {
    const theirs = await selfSigned("theirs", "127.0.0.1", systemClock);
    writeFileSync(join(directory, "apiserver.crt"), theirs.cert);
    writeFileSync(join(directory, "apiserver.key"), theirs.key);
    assert.deepEqual(await keptCertificate(directory, "apiserver", hosts, systemClock), theirs);
    assert.equal(readFileSync(join(directory, "apiserver.crt"), "utf8"), theirs.cert);
  }));

test("half a pair, and a pair that does not belong together, are refused", () =>
  withDirectory(async (directory) => {
    const [one, other] = [await selfSigned("one", "127.0.0.1", systemClock), await selfSigned("other", "127.0.0.1", systemClock)];
    writeFileSync(join(directory, "apiserver.crt"), one.cert);
    await assert.rejects(keptCertificate(directory, "apiserver", hosts, systemClock), FlagError);
    writeFileSync(join(directory, "apiserver.key"), other.key);
    await assert.rejects(keptCertificate(directory, "apiserver", hosts, systemClock), /is not the key of the certificate/);
  }));

test("without one it is made once and kept", () =>
  withDirectory(async (directory) => {
    const made = await keptCertificate(directory, "apiserver", hosts, systemClock);
    assert.deepEqual(await keptCertificate(directory, "apiserver", hosts, systemClock), made);
  }));
