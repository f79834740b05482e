import assert from "node:assert/strict";
import { test } from "node:test";
import { path } from "./field.ts";
import { scaledValue } from "./intstr.ts";
import { cidrContains, formatIP, parseCIDR, parseIP, warningsForIP } from "./ip.ts";
import { nameIsDNSSubdomain } from "./meta/names.ts";
import * as names from "./names.ts";
import { validateWebhookService } from "./webhook-client.ts";

test("labels of DNS and subdomains follow RFC 1123 with upstream's texts", () => {
  assert.deepEqual(names.isDNS1123Label("my-name"), []);
  assert.deepEqual(names.isDNS1123Label("a.b"), ["must not contain dots"]);
  assert.deepEqual(names.isDNS1123Label("A"), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(names.isDNS1123Label("a".repeat(64)), ["must be no more than 63 characters"]);
  assert.equal(names.isDNS1123Subdomain("a_b").length, 1);
  assert.deepEqual(names.isDNS1123Subdomain("a.b-c.1"), []);
  assert.equal(names.isDNS1035Label("1a").length, 1);
});

test("qualified names name the part that is wrong", () => {
  assert.deepEqual(names.isQualifiedName("example.com/My.Name_1"), []);
  assert.deepEqual(names.isQualifiedName("/a"), ["prefix part must be non-empty"]);
  assert.deepEqual(names.isQualifiedName("a/")[0], "name part must be non-empty");
  assert.match(names.isQualifiedName("a/b/c")[0] as string, /^a valid label key must consist of .* with an optional DNS subdomain prefix/);
  assert.deepEqual(names.isQualifiedName(`a/${"b".repeat(64)}`), ["name part must be no more than 63 bytes"]);
});

test("a letter that Go cuts through is part of no name", () => {
  assert.equal(nameIsDNSSubdomain("x\u00e9-", true).length, 1);
  assert.deepEqual(nameIsDNSSubdomain("xe-", true), []);
  const [first, second] = validateWebhookService(path("service"), { namespace: "n", name: "s", port: 1, path: "\u00e9" });
  assert.equal(first?.body, "Invalid value: \"\u00e9\": must start with a '/'");
  assert.match(second?.body ?? "", /: segment\[0\]: a lowercase RFC 1123 subdomain must consist/);
});

test("ports, percentages, keys and environment variables", () => {
  assert.deepEqual(names.isValidPortNum(0), ["must be between 1 and 65535, inclusive"]);
  assert.deepEqual(names.isValidPortName("a--b-"), ["must not contain consecutive hyphens", "must not begin or end with a hyphen"]);
  assert.equal(names.isValidPercent("5").length, 1);
  assert.deepEqual(names.isConfigMapKey(".."), ["must not be '..'"]);
  assert.deepEqual(names.isConfigMapKey("..a"), ["must not start with '..'"]);
  assert.equal(names.isEnvVarName("1A").length, 1);
  assert.deepEqual(names.isRelaxedEnvVarName("1 a"), []);
  assert.equal(names.isRelaxedEnvVarName("a=b").length, 1);
  assert.deepEqual(names.isPathSegmentName("a/b%"), ["may not contain '/'", "may not contain '%'"]);
});

test("a long hostile name is refused in no time", () => {
  assert.equal(names.isDNS1123Subdomain(`${"a-".repeat(500_000)}!`).length, 2);
});

test("addresses are canonical or say what they should be", () => {
  const at = path("ip");
  assert.deepEqual(names.isValidIP(at, "10.9.8.7"), []);
  assert.match(names.isValidIP(at, "010.9.8.7")[0]?.body ?? "", /must not have leading 0s/);
  assert.match(names.isValidIP(at, "::ffff:1.2.3.4")[0]?.body ?? "", /must not be an IPv4-mapped IPv6 address/);
  assert.match(names.isValidIP(at, "2001:DB8::0")[0]?.body ?? "", /must be in canonical form \("2001:db8::"\)/);
  assert.match(names.isValidIP(at, "1.2.3")[0]?.body ?? "", /must be a valid IP address/);
  assert.match(names.isValidCIDR(at, "10.0.0.1/8")[0]?.body ?? "", /must not have bits set beyond the prefix length/);
  assert.deepEqual(names.isValidCIDR(at, "2001:db8::/64"), []);
  assert.deepEqual(warningsForIP("f", "2001:DB8::1"), ['f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']);
  for (const text of ["::", "::1", "1::", "1:0:0:2::3", "fe80::1:0:0:1"]) assert.equal(formatIP(parseIP(text)?.bytes ?? []), text);
  const range = parseCIDR("10.96.0.0/12");
  assert.ok(range && cidrContains(range, parseIP("10.111.255.255") as never));
  assert.ok(range && !cidrContains(range, parseIP("10.112.0.0") as never));
});

test("percentages scale and round as asked", () => {
  assert.equal(scaledValue("25%", 10, true), 3);
  assert.equal(scaledValue("25%", 10, false), 2);
  assert.equal(scaledValue(4, 10, false), 4);
  assert.throws(() => scaledValue("5", 10, true), { message: "invalid value for IntOrString: invalid type: string is not a percentage" });
  assert.throws(() => scaledValue("x%", 1, true), { message: 'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax' });
});
