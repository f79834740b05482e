import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { followKubeletFiles } from "./kubelet-files.ts";
import { ownCertificate } from "./serving-certificate.ts";

test("a serving certificate and authorities of clients that are replaced are taken, half a pair is not", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kubelet-files-"));
  const stop = new AbortController();
  try {
    const [first, second] = await Promise.all([ownCertificate("a", "127.0.0.1", systemClock), ownCertificate("b", "127.0.0.1", systemClock)]);
    const files = { clientCA: join(directory, "ca.crt"), cert: join(directory, "tls.crt"), key: join(directory, "tls.key") };
    const put = (file: string, text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    put(files.clientCA, first.cert);
    put(files.cert, first.cert);
    put(files.key, first.key);
    const trusted: string[] = [];
    const shown: object[] = [];
    let tell: () => void = () => undefined;
    const next = (): Promise<void> => new Promise((resolve) => (tell = resolve));
    const following = followKubeletFiles({
      files,
      access: { trust: (pem) => trusted.push(pem) },
      server: {
        show: (changed) => {
          shown.push(changed);
          tell();
        },
      },
      clock: systemClock,
      logger: silentLogger,
      signal: stop.signal,
    });
    const authorities = next();
    put(files.clientCA, second.cert);
    await authorities;
    assert.deepEqual([trusted, shown], [[second.cert], [{ clientCA: second.cert }]]);
    const pair = next();
    put(files.cert, second.cert);
    put(files.key, second.key);
    await pair;
    assert.deepEqual(shown[1], { cert: readFileSync(files.cert, "utf8"), key: second.key });
    stop.abort();
    await following;
  } finally {
    rmSync(directory, { recursive: true });
  }
});
