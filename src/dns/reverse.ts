/** `4.3.2.1.in-addr.arpa` -> `1.2.3.4`; `…ip6.arpa` -> the address in its full lower-case form; undefined for other names. */
export function ipFromReverse(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const octets = name.slice(0, -".in-addr.arpa".length).split(".");
    return octets.length === 4 && octets.every((o) => /^\d{1,3}$/.test(o) && Number(o) < 256) ? octets.reverse().join(".") : undefined;
  }
  if (!name.endsWith(".ip6.arpa")) return undefined;
  const nibbles = name.slice(0, -".ip6.arpa".length).split(".");
  if (nibbles.length !== 32 || !nibbles.every((n) => /^[0-9a-f]$/.test(n))) return undefined;
  const hex = nibbles.reverse().join("");
  return (hex.match(/.{4}/g) as string[]).map((group) => group.replace(/^0{1,3}/, "")).join(":");
}

/** An address in the form that ipFromReverse gives. */
export function fullForm(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [head = "", tail] = ip.toLowerCase().split("::");
  const groups = (part: string): string[] =>
    part
      .split(":")
      .filter(Boolean)
      .map((group) => group.replace(/^0{1,3}(?=.)/, ""));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  return [...first, ...new Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0"), ...last].join(":");
}
