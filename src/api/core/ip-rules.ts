/** Rules for addresses that traffic is sent to. */
import { type FieldError, invalidValue, type Path } from "../field.ts";
import { parseIP } from "../ip.ts";

/** Where no endpoint can be: unspecified, loopback, link-local. */
export function validateEndpointIP(text: string, at: Path): FieldError[] {
  const ip = parseIP(text)?.bytes;
  if (!ip) return [invalidValue(at, text, "must be a valid IP address")];
  const v4 = ip.length === 4;
  const allZero = (bytes: number[]): boolean => bytes.every((b) => b === 0);
  const errors: FieldError[] = [];
  const wrong = (why: string): void => {
    errors.push(invalidValue(at, text, why));
  };
  if (allZero(ip)) wrong(`may not be unspecified (${text})`);
  if (v4 ? ip[0] === 127 : allZero(ip.slice(0, 15)) && ip[15] === 1) wrong("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (v4 ? ip[0] === 169 && ip[1] === 254 : ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80) wrong("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (v4 ? ip[0] === 224 && ip[1] === 0 && ip[2] === 0 : ip[0] === 0xff && (ip[1]! & 0x0f) === 0x02)
    wrong("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  return errors;
}
