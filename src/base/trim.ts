/** Text without what it ends with. A pattern like `x+$` takes the square of the length where such characters stand in its middle. */

/** `text` without all of the `character`, one code unit, that it ends with. */
export function trimEnd(text: string, character: string): string {
  const code = character.charCodeAt(0);
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === code) end--;
  return end === text.length ? text : text.slice(0, end);
}
