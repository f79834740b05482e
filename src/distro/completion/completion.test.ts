import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { Command } from "commander";
import { bool, file, fixed } from "../components/flag-types.ts";
import { defineComponent } from "../components/flags.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { completionTree } from "./tree.ts";
import { zshCompletion } from "./zsh.ts";

const program = new Command("tool").description("a tool");
program.command("up").description("start it; it's safe").option("--port <port>", "the `port`").option("--quiet", "say less");
program.command("image").description("images").command("build").description("make one").option("-t, --tag <name>", "its name");
program.command("server");
const server = defineComponent({
  name: "server",
  summary: "",
  description: "",
  examples: [],
  flags: { config: file("a file"), mode: fixed("string", "mode", ["one", "two"], ""), deep: bool("deep") },
  refused: [],
  async run() {},
});
const tree = completionTree(program, [server as never]);

const bash = (...words: string[]): string =>
  execFileSync("bash", ["-c", `${bashCompletion(tree)}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tool; echo "\${COMPREPLY[*]}"`, "bash", ...words], {
    encoding: "utf8",
  }).trim();

test("bash completes commands, flags and values", () => {
  assert.equal(bash("tool", "i"), "image");
  assert.equal(bash("tool", "image", ""), "build help");
  assert.equal(bash("tool", "up", "--"), "--port --quiet --help");
  assert.equal(bash("tool", "server", "--m"), "--mode");
  assert.equal(bash("tool", "server", "--mode", "=", "t"), "two");
  assert.equal(bash("tool", "server", "--mode", ""), "one two");
  assert.equal(
    bash("tool", "server", "--config", "/etc/passw"),
    execFileSync("bash", ["-c", "compgen -f /etc/passw"], { encoding: "utf8" }).trim().replaceAll("\n", " "),
  );
  assert.equal(bash("tool", "image", "build", "--t"), "--tag");
});

test("quotes in descriptions do not leave the scripts' strings", () => {
  for (const script of [zshCompletion(tree), fishCompletion(tree)]) {
    assert.ok(script.includes("start it; its safe"));
    assert.ok(script.includes("the port"));
  }
});
