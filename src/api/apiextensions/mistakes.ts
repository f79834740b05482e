/** What is wrong with a value, in the words of upstream's validator, until as much is gathered as is told. */
import { type FieldError, freeForm, invalidValue, notSupported, notSupportedText, Path, required, tooLong, tooMany, typeInvalid } from "../field.ts";
import { goFloat } from "../go-float.ts";
import type { JSONValue } from "../json.ts";
import { mostErrors, mostText } from "../status.ts";

export type Code = "type" | "required" | "long" | "enum" | "items" | "properties" | "other" | "composite";
export interface Mistake {
  code: Code;
  /** `.spec.a`, `spec.a`; "" is the root. */
  name: string;
  message: string;
  value?: unknown;
  limit?: number;
  /** The value is shown as a float, whatever it is. */
  float?: boolean;
  allowed?: readonly string[];
}

/** Nothing that follows would be told. */
export class Enough extends Error {}
/** Mistakes, each said once. */
export class Told {
  readonly mistakes: Mistake[] = [];
  readonly #said = new Set<string>();
  #text = 0;
  /** Throws Enough. */
  add(mistake: Mistake): void {
    const { message, name, allowed } = mistake;
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.mistakes.push(mistake);
    this.#text += name.length + (allowed ? message.length : 0);
    if (this.mistakes.length >= mostErrors || this.#text > mostText) throw new Enough();
  }
}

export function fieldError(mistake: Mistake, at: Path): FieldError {
  const { code, name, message, value, limit = -1 } = mistake;
  const plain = name.replace(/^\./, "");
  const here = code !== "composite" && plain ? new Path(at.text ? `${at.text}.${plain}` : plain) : at;
  switch (code) {
    case "required":
      return required(here);
    case "enum": {
      const { allowed = [] } = mistake;
      return typeof value === "string" ? notSupportedText(here, value, allowed) : notSupported(here, freeForm(value as JSONValue), allowed);
    }
    case "long":
      return tooLong(here, limit);
    case "items":
    case "properties":
      return tooMany(here, value as number, limit);
    case "type":
      return typeInvalid(here, value, message);
    case "composite":
      return invalidValue(at, "", message);
    default:
      return mistake.float
        ? { ...invalidValue(here, "", ""), body: `Invalid value: ${goFloat(Number(value))}: ${message}` }
        : invalidValue(here, value ?? "", message);
  }
}
