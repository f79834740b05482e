/** What the devices of a claim must have, or must not have, in common. */
import type { Device, DeviceAttribute, DeviceConstraint } from "../../api/types/resource-v1.gen.ts";

export interface Constraint {
  /** False: the device does not go with the others; nothing has changed then. */
  add(request: string, alternative: string, device: Device, driver: string): boolean;
  /** Takes the last one back. */
  remove(request: string, alternative: string): void;
}

/** The text of the value, with its type; what has no known type goes with nothing. */
function typedValue({ string, int, bool, version }: DeviceAttribute): string | undefined {
  if (string !== undefined) return `string ${string}`;
  if (int !== undefined) return `int ${int}`;
  if (bool !== undefined) return `bool ${bool}`;
  return version === undefined ? undefined : `version ${version}`;
}

function attributeOf({ attributes = {} }: Device, driver: string, name: string): DeviceAttribute | undefined {
  if (attributes[name]) return attributes[name];
  const slash = name.indexOf("/");
  return slash >= 0 && name.slice(0, slash) === driver ? attributes[name.slice(slash + 1)] : undefined;
}

export function constraintOf({ requests = [], matchAttribute, distinctAttribute }: DeviceConstraint): Constraint | undefined {
  const attribute = matchAttribute ?? distinctAttribute;
  if (attribute === undefined) return undefined;
  const names = new Set(requests);
  const values: (string | undefined)[] = [];
  const concerns = (request: string, alternative: string): boolean => !names.size || names.has(request) || names.has(`${request}/${alternative}`);
  return {
    add(request, alternative, device, driver) {
      if (!concerns(request, alternative)) return true;
      const found = attributeOf(device, driver, attribute);
      if (!found) return false;
      const value = typedValue(found);
      if (values.length) {
        if (value === undefined) return false;
        if (matchAttribute === undefined ? values.includes(value) : values[0] !== value) return false;
      }
      values.push(value);
      return true;
    },
    remove(request, alternative) {
      if (concerns(request, alternative)) values.pop();
    },
  };
}
