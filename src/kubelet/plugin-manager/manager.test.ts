import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Clock, systemClock, VirtualClock } from "../../base/clock.ts";
import { type GrpcServer, type Handlers, implement, serveGrpc } from "../../base/grpc/server.ts";
import { silentLogger } from "../../base/logger.ts";
import type { PluginHandler } from "./handler.ts";
import { PluginManager, pluginRegistration } from "./manager.ts";
import type { RegistrationMethods } from "./types.gen.ts";

const root = await mkdtemp(join(tmpdir(), "plugins-"));
after(() => rm(root, { recursive: true }));
let directories = 0;

/** Answers that arrive are awaited by what they say. */
class Seen {
  readonly lines: string[] = [];
  readonly #waiting: { line: string; resolve: () => void }[] = [];
  add(line: string): void {
    this.lines.push(line);
    for (const { resolve } of this.#waiting.filter((w) => w.line === line)) resolve();
  }
  /** Resolves at the next such line, or at once when it is there. */
  async has(line: string): Promise<void> {
    if (!this.lines.includes(line)) await new Promise<void>((resolve) => this.#waiting.push({ line, resolve }));
  }
}

const serve = (path: string, seen: Seen, name: string, more: Handlers<RegistrationMethods> = {}): Promise<GrpcServer> =>
  serveGrpc(
    path,
    implement(pluginRegistration, {
      GetInfo: async () => ({ type: "CSIPlugin", name, endpoint: `/${name}.sock`, supportedVersions: ["1.0.0"] }),
      async NotifyRegistrationStatus({ pluginRegistered, error }) {
        seen.add(`${name} hears ${pluginRegistered || error}`);
        return {};
      },
      ...more,
    }),
  );

function setUp(seen: Seen, more: Partial<PluginHandler> = {}, clock: Clock = systemClock) {
  const directory = join(root, String(directories++));
  const handler: PluginHandler = {
    validate(name, _, versions) {
      if (name === "bad") throw new Error(`no version of ${versions} will do`);
    },
    async register(name, endpoint, versions) {
      seen.add(`register ${name} ${endpoint} ${versions}`);
    },
    deregister: (name) => seen.add(`deregister ${name}`),
    ...more,
  };
  const manager = new PluginManager({ directory, clock, logger: silentLogger, handlers: { CSIPlugin: handler } });
  return { directory, manager };
}

test("a plugin that was there before, one that comes, one in a folder and one that is made again are registered; one that goes is deregistered", async () => {
  const seen = new Seen();
  const { directory, manager } = setUp(seen);
  await mkdir(directory);
  await writeFile(join(directory, "no-socket"), "");
  await using _hidden = await serve(join(directory, ".hidden.sock"), seen, "hidden");
  await using _early = await serve(join(directory, "early.sock"), seen, "early");
  await using _manager = manager;
  await manager.start();
  await seen.has("early hears true");
  assert.ok(seen.lines.includes("register early /early.sock 1.0.0"));
  const late = await serve(join(directory, "late.sock"), seen, "late");
  await seen.has("late hears true");
  await mkdir(join(directory, "folder"));
  await using _deep = await serve(join(directory, "folder", "deep.sock"), seen, "deep");
  await seen.has("deep hears true");
  await late[Symbol.asyncDispose]();
  await seen.has("deregister late");
  await using _again = await serve(join(directory, "late.sock"), seen, "again");
  await seen.has("again hears true");
  assert.ok(!seen.lines.some((line) => line.includes("hidden")));
});

test("a plugin of an unknown type and one that is not valid hear why, in upstream's words", async () => {
  const seen = new Seen();
  const { directory, manager } = setUp(seen);
  await using _manager = manager;
  await manager.start();
  const path = join(directory, "odd.sock");
  await using _odd = await serve(path, seen, "odd", { GetInfo: async () => ({ type: "Odd", name: "odd" }) });
  await seen.has(`odd hears RegisterPlugin error -- no handler registered for plugin type: Odd at socket ${path}`);
  await using _bad = await serve(join(directory, "bad.sock"), seen, "bad");
  await seen.has("bad hears RegisterPlugin error -- plugin validation failed with err: no version of 1.0.0 will do");
  assert.ok(!seen.lines.some((line) => line.startsWith("register")));
});

test("a plugin that never answers holds up nobody", async () => {
  const seen = new Seen();
  const { directory, manager } = setUp(seen);
  await using _manager = manager;
  await manager.start();
  await using _hung = await serve(join(directory, "a-hung.sock"), seen, "hung", {
    GetInfo() {
      seen.add("hung is asked");
      return new Promise(() => {});
    },
  });
  await seen.has("hung is asked");
  await using _good = await serve(join(directory, "good.sock"), seen, "good");
  await seen.has("good hears true");
});

test("a registration that fails is told to the plugin and tried again after half a second, then after twice that", async () => {
  const seen = new Seen();
  const clock = new VirtualClock();
  let attempts = 0;
  const { directory, manager } = setUp(
    seen,
    {
      async register() {
        attempts++;
        if (attempts < 3) throw new Error(`attempt ${attempts}`);
      },
    },
    {
      ...systemClock,
      sleep(ms, signal) {
        seen.add(`sleeps ${ms}`);
        return clock.sleep(ms, signal);
      },
    },
  );
  await using _manager = manager;
  await manager.start();
  await using _plugin = await serve(join(directory, "p.sock"), seen, "p");
  await seen.has("sleeps 500");
  assert.ok(seen.lines.includes("p hears RegisterPlugin error -- plugin registration failed with err: attempt 1"));
  await clock.advance(500);
  await seen.has("sleeps 1000");
  await clock.advance(1000);
  await seen.has("p hears true");
  assert.equal(attempts, 3);
});

test("plugins stay registered when the kubelet ends", async () => {
  const seen = new Seen();
  const { directory, manager } = setUp(seen);
  await manager.start();
  await using _plugin = await serve(join(directory, "p.sock"), seen, "p");
  await seen.has("p hears true");
  await manager[Symbol.asyncDispose]();
  assert.ok(!seen.lines.includes("deregister p"));
});
