import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { makeCertificates } from "./certificates.fixture.ts";
import { listen } from "./listener.ts";

test("a connection on which another protocol is refused goes on with HTTP", async () => {
  const directory = mkdtempSync(join(tmpdir(), "upgrades-"));
  makeCertificates(directory);
  const file = (name: string): string => readFileSync(join(directory, name), "utf8");
  const tls = { cert: file("server.crt"), key: file("server.key"), clientCa: file("ca.crt") };
  const usual = async ({ path }: ApiRequest): Promise<ApiResponse> => ({ status: 200, headers: {}, body: Buffer.from(path) });
  const handler = async (): Promise<ApiResponse> => ({ status: 409, headers: { "x-tag": "a" }, body: Buffer.from("no") });
  const own = await listen({
    ...{ handler: usual, tls, host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger },
    upgrades: { accepts: ({ path }) => path === "/there", handler },
  });
  const socket = connectTls({ host: "127.0.0.1", port: own.port, ca: file("ca.crt") });
  const asking = "GET /there HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on("warning", warned);
  socket.write(`${asking.repeat(30)}GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let said = "";
  for await (const chunk of socket) said += String(chunk);
  const answers = said.split("HTTP/1.1 ").slice(1);
  const refused = ["409", "no"];
  assert.deepEqual(
    answers.map((text) => [text.slice(0, 3), text.split("\r\n\r\n")[1]]),
    [...Array.from({ length: 30 }, () => refused), ["200", "/last"]],
  );
  // Who listens to the socket lets go of it.
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
  await own.close(0);
  rmSync(directory, { recursive: true });
});
