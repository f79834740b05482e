/** Sizes of what ConfigMaps and Secrets hold. */

/** One mebibyte: all values of one object together. */
export const maxDataSize = 1024 * 1024;

/** Bytes that the base64 text stands for; null, as JSON may have it, for none. */
export function base64Length(text: string | null): number {
  if (text === null) return 0;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
