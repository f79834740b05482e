import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { Logind } from "./logind.ts";

const directory = mkdtempSync(join(tmpdir(), "k8ts-logind-"));
const { PATH } = process.env;
after(() => {
  process.env.PATH = PATH;
  rmSync(directory, { recursive: true });
});
process.env.PATH = `${directory}:${PATH}`;
const program = (name: string, script: string): void => {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
};
const dropIn = join(directory, "logind.conf.d", "99-kubelet.conf");

test("without systemd nothing can hold up a shutdown, and that is said", async () => {
  await assert.rejects(new Logind({ clock: systemClock, sign: join(directory, "none") }).allow(1), /systemd-logind does not run here/);
});

test("logind is made to allow enough, holds the lock until it is let go, and tells of a shutdown", async () => {
  program(
    "busctl",
    `case "$*" in *get-property*) if [ -f ${dropIn} ]; then echo '{"type":"t","data":30000000}'; else echo '{"type":"t","data":5000000}'; fi;;
*) echo '{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[true]}}'; echo '{"type":"method_call","member":"Other"}'; echo '{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[false]}}';; esac`,
  );
  program("systemctl", `echo "$*" > ${directory}/systemctl.said`);
  program("systemd-inhibit", `while [ "$1" != sh ]; do echo "$1" >> ${directory}/inhibit.said; shift; done; "$@"; touch ${directory}/released`);
  const logind = new Logind({ clock: systemClock, sign: directory, dropIn });
  await logind.allow(30);
  assert.match(readFileSync(dropIn, "utf8"), /^\[Login\]\nInhibitDelayMaxSec=30$/m);
  assert.match(readFileSync(`${directory}/systemctl.said`, "utf8"), /kill --signal=HUP systemd-logind.service/);
  const hold = await logind.hold();
  assert.match(readFileSync(`${directory}/inhibit.said`, "utf8"), /--what=shutdown\n--who=kubelet\n.*\n--mode=delay/);
  assert.equal(existsSync(`${directory}/released`), false);
  hold[Symbol.dispose]();
  while (!existsSync(`${directory}/released`)) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await Array.fromAsync(logind.watch(new AbortController().signal)), [true, false]);
});

test("a lock that is refused is no lock", async () => {
  program("systemd-inhibit", "echo 'Access denied' >&2; exit 1");
  await assert.rejects(new Logind({ clock: systemClock, sign: directory }).hold(), /cannot be held up: Access denied/);
});
