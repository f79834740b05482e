import assert from "node:assert/strict";
import { test } from "node:test";
import { addressMatches, type DockerConfig, dockerConfigOf, Keyring } from "./keyring.ts";

const auth = (username: string): DockerConfig[string] => ({ username, password: "" });
const users = (keyring: Keyring, repository: string): string[] => keyring.lookup(repository).map((one) => one.auth.username);

test("the most specific credentials come first, those of one registry in the order of their adding", () => {
  const keyring = new Keyring();
  keyring.add({ "registry.example": auth("host"), "https://registry.example/team/": auth("team") });
  keyring.add({ "registry.example": auth("second"), "http://registry.example:5000/v2/": auth("port") });
  assert.deepEqual(users(keyring, "registry.example/team/app"), ["team", "host", "second"]);
  assert.deepEqual(users(keyring, "registry.example/other"), ["host", "second"]);
  assert.deepEqual(users(keyring, "registry.example:5000/other"), ["port"]);
  assert.deepEqual(users(keyring, "elsewhere.example/other"), []);
});

test("docker's own registry goes by its old address, too", () => {
  const keyring = new Keyring();
  keyring.add({ "https://index.docker.io/v1/": auth("hub") });
  assert.deepEqual(users(keyring, "docker.io/library/nginx"), ["hub"]);
  assert.deepEqual(users(keyring, "quay.io/app"), []);
});

test("an asterisk stands for one part of a host's name", () => {
  const yes = [
    ["*.kubernetes.io", "registry.kubernetes.io"],
    ["prefix.*.io", "prefix.kubernetes.io"],
    ["*-good.kubernetes.io", "prefix-good.kubernetes.io"],
    ["*.*.registry.io/foo", "a.b.registry.io/foo/bar"],
    ["registry:5000", "registry:5000/a"],
  ];
  const no = [
    ["kubernetes.io", "kubernetes.com"],
    ["*.kubernetes.io", "kubernetes.io"],
    ["*.kubernetes.io", "a.b.kubernetes.io"],
    ["registry.io:5000", "registry.io"],
    ["registry.io/foo", "registry.io/bar"],
  ];
  for (const [glob, address] of yes as [string, string][]) assert.ok(addressMatches(glob, address), `${glob} ${address}`);
  for (const [glob, address] of no as [string, string][]) assert.ok(!addressMatches(glob, address), `${glob} ${address}`);
});

test("auth is both in one; the same credential has the same hash whoever brings it", () => {
  const config = dockerConfigOf({ a: { auth: Buffer.from("me:p:w").toString("base64") }, b: { username: "me", password: "p:w" } });
  assert.deepEqual({ ...config.a }, { username: "me", password: "p:w" });
  const keyring = new Keyring();
  keyring.add(config, { secret: { uid: "1", namespace: "n", name: "s" } });
  assert.equal(keyring.lookup("a/x")[0]?.hash, keyring.lookup("b/x")[0]?.hash);
});
