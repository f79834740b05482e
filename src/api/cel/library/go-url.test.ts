import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestURI, parseURL, URLError } from "./go-url.ts";

const told = (text: string, parse = parseRequestURI): string => {
  try {
    const { host, escapedPath } = parse(text);
    return `${host} ${escapedPath}`;
  } catch (error) {
    if (error instanceof URLError) return error.message.slice(`parse ${JSON.stringify(text)}: `.length);
    throw error;
  }
};

test("hosts are what Go 1.26 takes for hosts, and are refused in its words", () => {
  const cases: [string, string][] = [
    ["http://%41%41", 'invalid URL escape "%41"'],
    ["http://a%20b", 'invalid URL escape "%20"'],
    ["http://%c3%a9/%41", "é /%41"],
    ["http://a%25b", "a%b "],
    ["http://a%4", 'invalid URL escape "%4"'],
    ["http://a b%41", 'invalid character " " in host name'],
    ['http://"<>"/', '"<>" /'],
    ["http://[::1]:80/a", "[::1]:80 /a"],
    ["http://[fe80::1%25en%2d0]/", "[fe80::1%en-0] /"],
    ["http://[fe80::1%25%c3]/", 'invalid URL escape "%c3"'],
    ["http://[1.2.3.4]/", "invalid IP-literal"],
    ["http://[a]/", 'invalid host: ParseAddr("a"): unable to parse IP'],
    ["http://a[::1]/", "invalid IP-literal"],
    ["http://[::1", "missing ']' in host"],
    ["http://a:1:2/", 'invalid port ":1:2" after host'],
    ["x://a:1:2/", "a:1:2 /"],
    ["x://a:b/", 'invalid port ":b" after host'],
    ["http://u p@a/", "net/url: invalid userinfo"],
    [":a", "missing protocol scheme"],
    ["1:a", "invalid URI for request"],
    ["/é *%2f", " /%C3%A9%20%2A/"],
    ["/!*%2f", " /!*%2f"],
  ];
  for (const [text, expected] of cases) assert.equal(told(text), expected, text);
});

test("a URL may be relative and have a fragment, and its first step no colon", () => {
  const cases: [string, string][] = [
    ["", " "],
    ["a/b:c", " a/b:c"],
    ["\ufffdhttps://a/b", "first path segment in URL cannot contain colon"],
    ["1:a", "first path segment in URL cannot contain colon"],
    ["//a/b#c", "a /b"],
    ["///a:b", " ///a:b"],
    ["https://a/b#%zz", 'invalid URL escape "%zz"'],
  ];
  for (const [text, expected] of cases) assert.equal(told(text, parseURL), expected, text);
  const { user, fragment } = parseURL("https://@a/b#c d");
  assert.deepEqual([user, fragment], ["", "c d"]);
  assert.equal(parseURL("https://a/b").user, undefined);
});

test("a query of one key a hundred thousand times is read at once", () => {
  const before = process.cpuUsage();
  assert.equal(
    parseRequestURI(`/?${"a=b&".repeat(100_000)}`)
      .queryValues()
      .get("a")?.length,
    100_000,
  );
  assert.ok(process.cpuUsage(before).user < 3_000_000);
});
