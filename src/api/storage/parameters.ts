/** What classes of volumes share (pkg/apis/storage/validation). */
import { validateQualifiedName } from "../core/checks.ts";
import { type FieldError, invalidValue, type Path, required, tooLong } from "../field.ts";

const maxSize = 256 * 1024;
const maxCount = 512;

export const sizeOf = (map: Record<string, string> | undefined): number =>
  Object.entries(map ?? {}).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);

export function validateParameters(parameters: Record<string, string> | undefined, mayBeEmpty: boolean, at: Path): FieldError[] {
  const keys = Object.keys(parameters ?? {});
  if (keys.length > maxCount) return [tooLong(at, maxCount)];
  const errors: FieldError[] = keys.includes("") ? [invalidValue(at, "", "field can not be empty.")] : [];
  if (sizeOf(parameters) > maxSize) errors.push(tooLong(at, maxSize));
  if (!mayBeEmpty && !keys.length) errors.push(required(at, "must contain at least one key/value pair"));
  return errors;
}

export const validateProvisioner = (name: string, at: Path): FieldError[] => (name ? validateQualifiedName(name.toLowerCase(), at) : [required(at)]);
