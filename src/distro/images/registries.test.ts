import assert from "node:assert/strict";
import { test } from "node:test";
import { configuredCredentials, dockerConfigOf, hostsFiles, parseRegistries } from "./registries.ts";

const example = `
mirrors:
  docker.io: {endpoint: ["https://mirror.example:5000", "http://10.0.0.1/cache"]}
configs:
  mirror.example:5000: {auth: {username: me, password: pw}, tls: {insecure_skip_verify: true}}
  private.example: {auth: {auth: ${Buffer.from("you:secret").toString("base64")}}, tls: {ca_file: /etc/hosts}}
`;

test("mirrors, authorities and credentials become containerd's hosts.toml, the node's own registry first", () => {
  const files = hostsFiles(parseRegistries(example, "f"), new URL("http://127.0.0.1:5000"));
  assert.deepEqual([...files.keys()].sort(), ["_default", "docker.io", "mirror.example:5000", "private.example"]);
  assert.equal(
    files.get("docker.io"),
    `server = "https://registry-1.docker.io"

[host."http://127.0.0.1:5000"]
  capabilities = ["pull", "resolve"]
[host."https://mirror.example:5000"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
  [host."https://mirror.example:5000".header]
    Authorization = ["Basic ${Buffer.from("me:pw").toString("base64")}"]
[host."http://10.0.0.1/cache"]
  capabilities = ["pull", "resolve"]
  override_path = true
`,
  );
  assert.match(
    files.get("private.example") ?? "",
    /\[host\."https:\/\/private\.example"\]\n {2}capabilities = \["pull", "resolve", "push"\]\n {2}ca = "\/etc\/hosts"/,
  );
  assert.equal(hostsFiles(parseRegistries("", "f"), undefined).size, 0);
});

test("a mirror that is named twice, or is the node's own registry, is one table", () => {
  const registries = parseRegistries("mirrors: {a.b: {endpoint: ['http://127.0.0.1:5000', 'https://m.example', 'https://m.example/']}}", "f");
  const file = hostsFiles(registries, new URL("http://127.0.0.1:5000")).get("a.b") ?? "";
  assert.deepEqual(file.match(/\[host\.[^\]]*\]/g), ['[host."http://127.0.0.1:5000"]', '[host."https://m.example"]']);
});

test("the kubelet is given the credentials as docker keeps them", () => {
  const registries = parseRegistries(example, "f");
  assert.deepEqual(dockerConfigOf(registries).auths["private.example"], { username: "you", password: "secret" });
  assert.equal(configuredCredentials(registries, "docker.io"), undefined);
});

test("a mistake in registries.yaml is named with what would be right", () => {
  const wrong: [string, RegExp][] = [
    ["- a", /^f: it must be a mapping with the keys mirrors, configs$/],
    ["mirror: {}", /^f: it has an unknown key "mirror"; known are mirrors, configs$/],
    ["mirrors: [a]", /^f: mirrors and configs must be mappings/],
    ["mirrors: {'../x': {endpoint: []}}", /^f: "\.\.\/x" is no registry/],
    ["mirrors: {docker.io: {endpoint: https://a}}", /^f: endpoint of docker\.io must be a list of URLs/],
    ["mirrors: {docker.io: {endpoint: ['ftp://a']}}", /^f: endpoint of docker\.io must be/],
    ["mirrors: {docker.io: {endpoint: [], rewrite: {}}}", /^f: the mirror of docker\.io has an unknown key "rewrite"/],
    ["configs: {a.b: {tls: {insecure_skip_verify: 'yes'}}}", /^f: insecure_skip_verify of a\.b must be a boolean$/],
    ["configs: {a.b: {tls: {ca_file: /no/such/file}}}", /^f: the file \/no\/such\/file of a\.b does not exist$/],
    ["configs: {a.b: {auth: {user: me}}}", /^f: auth of a\.b has an unknown key "user"/],
    ["mirrors: {", /^f: /],
  ];
  for (const [text, message] of wrong)
    assert.throws(
      () => parseRegistries(text, "f"),
      (error: Error) => message.test(error.message) || assert.fail(`${text}: ${error.message}`),
    );
});
