/** Any URL as Go's url.Parse reads it: also without a scheme, and with a fragment. */
import { parseRequestURI } from "../../api/cel/library/go-url.ts";

export interface ParsedURL {
  scheme: string;
  rawQuery: string;
  fragment: string;
}

/** Throws URLError. */
export function parseGoURL(text: string): ParsedURL {
  const hash = text.indexOf("#");
  const bare = hash < 0 ? text : text.slice(0, hash);
  const fragment = hash < 0 ? "" : text.slice(hash + 1);
  const { scheme, rawQuery } = /^[A-Za-z][A-Za-z\d+.-]*:|^[/:]|\p{Cc}/u.test(bare) ? parseRequestURI(bare) : { scheme: "", rawQuery: bare.split("?")[1] ?? "" };
  return { scheme, rawQuery, fragment };
}
