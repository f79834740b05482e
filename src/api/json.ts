/** JSON as it travels: what a decoder may give and an encoder must take. Integers beyond 2^53 are bigint. */
export type JSONValue = string | number | bigint | boolean | null | JSONValue[] | { [key: string]: JSONValue | undefined };
export type JSONObject = { [key: string]: JSONValue | undefined };

/** What is no text is none. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

export const isMap = (value: unknown): value is JSONObject => typeof value === "object" && value !== null && !Array.isArray(value);
