/**
 * Headers by name, with nothing inherited: as a record without prototype, but one that V8 makes, copies and walks through
 * without hashing, as long as there are not dozens of them.
 */
export class Fields {
  [name: string]: string | undefined;
}
Object.setPrototypeOf(Fields.prototype, null);
delete (Fields.prototype as { constructor?: unknown }).constructor;
