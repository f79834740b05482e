/** `--token-auth-file`: lines of token,user,uid[,"group1,group2"] (k8s.io/apiserver/pkg/authentication/token/tokenfile). */
import type { UserInfo } from "../../api/exchange.ts";
import type { TokenAuthenticator } from "./authenticator.ts";

/** Fields of each record of a CSV text (RFC 4180); throws with the line of a quote that is out of place. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let quoted = false;
  let wasQuoted = false;
  let line = 1;
  const endField = (): void => {
    record.push(field);
    field = "";
    wasQuoted = false;
  };
  const endRecord = (): void => {
    if (record.length === 0 && field === "" && !wasQuoted) return;
    endField();
    records.push(record);
    record = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === "\n") line++;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (c === '"') {
      if (field || wasQuoted) throw new Error(`parse error on line ${line}: bare " in non-quoted-field`);
      quoted = wasQuoted = true;
    } else if (c === ",") endField();
    else if (c === "\n") endRecord();
    else if (c === "\r" && text[i + 1] === "\n") continue;
    else if (wasQuoted) throw new Error(`parse error on line ${line}: extraneous or missing " in quoted-field`);
    else field += c;
  }
  if (quoted) throw new Error(`parse error on line ${line}: extraneous or missing " in quoted-field`);
  endRecord();
  return records;
}

/** `file` names it in errors. Throws for a malformed file. */
export function tokenFileAuthenticator(text: string, file: string, audiences: readonly string[]): TokenAuthenticator {
  const users = new Map<string, UserInfo>();
  for (const record of parseCsv(text)) {
    if (record.length < 3) throw new Error(`token file '${file}' must have at least 3 columns (token, user name, user uid), found ${record.length}`);
    const [token, name, uid, groups] = record as [string, string, string, string?];
    if (token) users.set(token, { name, uid, groups: groups === undefined ? [] : groups.split(",") });
  }
  return {
    authenticateToken(token, wanted) {
      const user = users.get(token);
      const good = wanted.filter((audience) => audiences.includes(audience));
      return user && good.length ? { user, audiences: good } : undefined;
    },
  };
}
