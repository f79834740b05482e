/** Strings for the judge of definitions: formats and patterns with what fits them and what does not. */

/** By format: what is one, and what nearly is. */
export const formats: Readonly<Record<string, { right: readonly string[]; wrong: readonly string[] }>> = {
  byte: { right: ["YWJj", "YQ=="], wrong: ["", "a", "YQ", "Y Q="] },
  date: { right: ["2024-02-29", "0001-01-01"], wrong: ["2023-02-29", "2024-1-1", "24-01-01", "x"] },
  "date-time": { right: ["2024-02-29T01:02:03Z", "2024-01-01T00:00:00.123+01:00", "1999-12-31t23:59:59z"], wrong: ["2024-01-01", "2024-01-01T24:00:00Z", "x", "2024-01-01T00:00:00"] },
  duration: { right: ["1h", "1h2m3s", "1.5s", "-1h", "3 days", "0"], wrong: ["1", "x", "P1D", ""] },
  hostname: { right: ["a.example.com", "localhost"], wrong: ["a..b", "-a", "a b", "x".repeat(64)] },
  email: { right: ["a@b.c", "A B <a@b.c>"], wrong: ["a", "a@", "@b"] },
  ipv4: { right: ["10.1.2.3", "::ffff:1.2.3.4"], wrong: ["10.1.2", "010.1.2.3", "fd00::1"] },
  ipv6: { right: ["fd00::1", "::1"], wrong: ["10.1.2.3", "fd00:::1", "fd00::1%eth0"] },
  cidr: { right: ["10.0.0.0/8", "fd00::/64", "10.1.2.3/8"], wrong: ["10.0.0.0", "10.0.0.0/33", "x/8"] },
  mac: { right: ["00:00:5e:00:53:01", "0000.5e00.5301"], wrong: ["00:00:5e:00:53", "0:0:0:0:0:0"] },
  uri: { right: ["http://a/b?c#d", "urn:x:y", "a:b"], wrong: ["a b", "", "relative"] },
  uuid: { right: ["12345678-1234-1234-1234-123456789abc", "12345678123412341234123456789ABC"], wrong: ["1234", "12345678-1234-1234-1234-123456789abz"] },
  uuid3: { right: ["12345678-1234-3234-1234-123456789abc"], wrong: ["12345678-1234-4234-1234-123456789abc"] },
  uuid4: { right: ["12345678-1234-4234-8234-123456789abc"], wrong: ["12345678-1234-3234-1234-123456789abc"] },
  uuid5: { right: ["12345678-1234-5234-8234-123456789abc"], wrong: ["12345678-1234-4234-8234-123456789abc"] },
  isbn: { right: ["978-3-16-148410-0", "0321751043"], wrong: ["123", "0321751044"] },
  isbn10: { right: ["0-321-75104-3"], wrong: ["978-3-16-148410-0", "x"] },
  isbn13: { right: ["9783161484100"], wrong: ["0321751043", "9783161484101"] },
  creditcard: { right: ["4012888888881881", "4012-8888-8888-1881"], wrong: ["4012888888881882", "1"] },
  ssn: { right: ["111-11-1111"], wrong: ["111111111", "1"] },
  hexcolor: { right: ["#fff", "AABBCC"], wrong: ["#ff", "red"] },
  rgbcolor: { right: ["rgb(1,2,3)", "rgb( 255 , 0 , 0 )"], wrong: ["rgb(1,2)", "rgb(256,0,0)"] },
  bsonobjectid: { right: ["507f1f77bcf86cd799439011"], wrong: ["507f", ""] },
  password: { right: ["x", ""], wrong: [] },
  "k8s-short-name": { right: ["a-b", "a"], wrong: ["a.b", "A", "", "x".repeat(64)] },
  "k8s-long-name": { right: ["a.b-c", "a"], wrong: ["a..b", "A", "a_b"] },
};
/** Formats of another type, and such as nobody knows. */
export const oddFormats = ["int32", "double", "strange", "quantity", "datetime", "date_time", "BYTE", "ip", "semver"];

/** Patterns in RE2's language with what matches. */
export const patterns: readonly { pattern: string; right: string; wrong: string }[] = [
  { pattern: "^[a-z]+$", right: "abc", wrong: "Abc" },
  { pattern: "^a.*z$", right: "aqz", wrong: "a\nz" },
  { pattern: "[0-9]{2,4}", right: "x123", wrong: "1" },
  { pattern: "^\\d+\\.\\d+$", right: "1.5", wrong: "1x5" },
  { pattern: "^(a|b)+$", right: "abba", wrong: "abc" },
  { pattern: "\\p{L}+", right: "é", wrong: "1" },
  { pattern: "(?i)^abc$", right: "aBC", wrong: "abd" },
  { pattern: "^[[:alpha:]]+$", right: "abc", wrong: "a1" },
  { pattern: "^\\S+$", right: "a-b", wrong: "a b" },
  { pattern: "\\bfoo\\b", right: "a foo", wrong: "afoo" },
  { pattern: "^(?:a?){10}a{10}$", right: "aaaaaaaaaaaa", wrong: "aaaa" },
  { pattern: "^(a+)+$", right: "aaaa", wrong: `${"a".repeat(60)}b` },
  { pattern: "(?s)^a.b$", right: "a\nb", wrong: "ab" },
  { pattern: "(?m)^b$", right: "a\nb\nc", wrong: "ab" },
  { pattern: "^\\Qa.b\\E$", right: "a.b", wrong: "axb" },
  { pattern: "\\x{e9}|\\x41", right: "A", wrong: "a" },
  { pattern: "^(?P<n>a)(?P<m>b)$", right: "ab", wrong: "ba" },
  { pattern: "^[^\\W_]+$", right: "a1", wrong: "a_b" },
  { pattern: "^a??b*?$", right: "abb", wrong: "c" },
  { pattern: "\\Aa\\z", right: "a", wrong: "a\n" },
  { pattern: "^[-a\\]]+$", right: "a-]", wrong: "b" },
];
/** Patterns that RE2 refuses, or that other dialects have. */
export const badPatterns = ["(", ")", "[z-a]", "(?=a)", "(?!a)", "\\1", "a{1001}", "*a", "a**", "(?<n>a", "\\pX", "[[:nope:]]", "(?P<n>a)(?P<n>b)", "\\", "a{2,1}", "(?z)", "\\8", "[a", "x{1000}{1000}", "\\Z"];
export const someStrings = ["", "a", "b", "abc", "UPPER", "a b", "é", "1", "-1", "true", "null", "10.1.2.3", "2024-01-01", "1h", "x".repeat(40), "a\nb", "𝒳", "<&>", "\u2028", "500m", "1.2.3"];
