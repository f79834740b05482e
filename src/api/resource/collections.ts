/** Lists, sets and maps of bounded size, as the validation of resource.k8s.io looks at them. */
import { duplicate, type FieldError, type Path, tooMany } from "../field.ts";

type Validate<T> = (item: T, at: Path) => FieldError[];

/** What is too long is not looked into. */
export function validateSlice<T>(items: readonly T[] | undefined, max: number, validate: Validate<T>, at: Path): FieldError[] {
  if (!items) return [];
  if (items.length > max) return [tooMany(at, items.length, max)];
  return items.flatMap((item, i) => validate(item, at.index(i)));
}

export function validateSet<T>(
  items: readonly T[] | undefined,
  max: number,
  validate: Validate<T>,
  keyOf: (item: T) => string,
  at: Path,
  duplicated: (at: Path, key: string, item: T) => FieldError = duplicate,
): FieldError[] {
  const errors = validateSlice(items, max, validate, at);
  if (!items || items.length > max) return errors;
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) errors.push(duplicated(at.index(i), key, item));
    seen.add(key);
  }
  return errors;
}

function truncated(text: string, length: number): string {
  const max = Math.max(length, 16);
  if (text.length <= max) return text;
  const remaining = max - 3;
  return `${text.slice(0, (remaining + 1) >> 1)}...${text.slice(text.length - (remaining >> 1))}`;
}

/** In the order of the keys. */
export function validateMap<T>(
  entries: Readonly<Record<string, T>> | undefined,
  max: number,
  keyLength: number,
  validateKey: Validate<string>,
  validate: Validate<T>,
  at: Path,
): FieldError[] {
  const keys = Object.keys(entries ?? {});
  if (keys.length > max) return [tooMany(at, keys.length, max)];
  return keys.sort().flatMap((key) => [...validateKey(key, at), ...validate((entries as Record<string, T>)[key] as T, at.key(truncated(key, keyLength)))]);
}
