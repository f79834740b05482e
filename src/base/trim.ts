/** Text without what it begins or ends with. A pattern like `x+$` takes the square of the length where such characters stand in its middle. */

/** `text` without all of the `character`, one code unit, that it ends with. */
export function trimEnd(text: string, character: string): string {
  const code = character.charCodeAt(0);
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === code) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** Unicode's White_Space, which Go's strings.TrimSpace takes away; JavaScript's own `trim` knows U+FEFF as well and U+0085 not. */
const space = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** `text` without the white space around it. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && space.test(text.charAt(start))) start++;
  while (end > start && space.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
