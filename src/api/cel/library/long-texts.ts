/** Texts that an expression makes longer than any object that it is asked about. cel-go knows no such limit: it charges for them once they are there. */
import { goQuote } from "../../go-quote.ts";
import { CelError } from "../values.ts";

/** Characters (UTF-16 units) of a text that one call makes. */
const most = 8 << 20;
/** Of a text that a message quotes. */
const mostQuoted = 100_000;

export const isTooLong = (length: number): boolean => length > most;
export const tooLong = (what: string): CelError => new CelError(`${what}: a text of more than ${most} characters`);

/** As Go quotes it, so far as it is told. */
export const quoted = (text: string): string => goQuote(text.length > mostQuoted ? text.slice(0, mostQuoted) : text);
