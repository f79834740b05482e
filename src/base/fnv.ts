/** Fowler-Noll-Vo hashes (draft-eastlake-fnv): for names and orders that others compute as well, not for secrets. */

const prime32 = 0x01000193;
const basis32 = 0x811c9dc5;

/** FNV-1, 32 bits. */
export function fnv1(bytes: Uint8Array): number {
  let hash = basis32;
  for (const byte of bytes) hash = (Math.imul(hash, prime32) ^ byte) >>> 0;
  return hash >>> 0;
}

/** FNV-1a, 32 bits. */
export function fnv1a(bytes: Uint8Array): number {
  let hash = basis32;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, prime32);
  return hash >>> 0;
}

const basis128 = [0xc58d, 0x6295, 0x2175, 0x62b8, 0x0142, 0x07bb, 0x272e, 0x6c62];

/** FNV-1a, 128 bits, as 32 hexadecimal digits. The prime is 2^88 + 0x13b; the number is held in eight parts of 16 bits, the lowest first. */
export function fnv1a128(bytes: Uint8Array): string {
  const h = Float64Array.from(basis128);
  const at = (i: number): number => h[i] as number;
  for (const byte of bytes) {
    h[0] = at(0) ^ byte;
    const [low, middle, high] = [at(0), at(1), at(2)];
    let carry = 0;
    for (let i = 0; i < 8; i++) {
      let part = at(i) * 0x13b + carry;
      if (i === 5) part += (low << 8) & 0xffff;
      else if (i === 6) part += (low >>> 8) + ((middle << 8) & 0xffff);
      else if (i === 7) part += (middle >>> 8) + ((high << 8) & 0xffff);
      h[i] = part & 0xffff;
      carry = part >>> 16;
    }
  }
  return Array.from(h, (part) => part.toString(16).padStart(4, "0"))
    .reverse()
    .join("");
}
