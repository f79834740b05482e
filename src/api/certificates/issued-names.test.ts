import assert from "node:assert/strict";
import { test } from "node:test";
import { issuedAlternatives, issuedSubject } from "./issued-names.ts";
import { requestNames } from "./request-names.ts";

/** CN=Jürgen, serialNumber=7, OU=u, O=bb, C=DE, O=c + emailAddress=a@b; URI:x:y, IP:10.1.2.3, email:a@b, DNS:a */
const request =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQlREQ0I4d0lCQURCaU1SQXdEZ1lEVlFRRERBZEt3N3h5WjJWdU1Rb3dDQVlEVlFRRkV3RTNNUW93Q0FZRApWUVFMREFGMU1Rc3dDUVlEVlFRS0RBSmlZakVMTUFrR0ExVUVCaE1DUkVVeEhEQUlCZ05WQkFvTUFXTXdFQVlKCktvWklodmNOQVFrQkZnTmhRR0l3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFGY3NSam9lc3oKa05yZE1XVTdwcXhNVHhqYzhnWXBSZWJTbHVlbDNoYzAxdjBwUVVqbjdPNVFBUk5TUUcyVWMrKzNuTnhmUGJZUAprc0tveVFmSCt3dnJvQzh3TFFZSktvWklodmNOQVFrT01TQXdIakFjQmdOVkhSRUVGVEFUaGdONE9ubUhCQW9CCkFnT0JBMkZBWW9JQllUQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpRUF3QVFOMi84Qk8zRUNpNXdmM1VaaVY2TkEKbW5PSVFkNE44WnhMVXZOaWhnMENJR0EvRDJiZ0NELzMyVE1BczIzSU5qRTRrOXFlOXFocHZzZXIvUDZnTUo2RQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
const printable = (text: string): string => `13${text.length.toString(16).padStart(2, "0")}${Buffer.from(text).toString("hex")}`;
const sized = (tag: string, content: string): string => tag + (content.length / 2).toString(16).padStart(2, "0") + content;
const attribute = (oid: string, value: string): string => sized("30", `0603${oid}${value}`);

test("a subject is written in Go's order, what one attribute says several times together, what Go does not know left out", () => {
  const country = sized("31", attribute("550406", printable("DE")));
  const organizations = sized("31", attribute("55040a", printable("c")) + attribute("55040a", printable("bb")));
  const unit = sized("31", attribute("55040b", printable("u")));
  const name = sized("31", attribute("550403", `0c07${Buffer.from("Jürgen").toString("hex")}`));
  const serial = sized("31", attribute("550405", printable("7")));
  assert.equal(Buffer.from(issuedSubject(request)).toString("hex"), sized("30", country + organizations + unit + name + serial));
});

test("alternative names come by their kinds", () => {
  const names = requestNames(request);
  assert.equal(Buffer.from(issuedAlternatives(names) ?? []).toString("hex"), "30138201618103614062" + "87040a0102038603783a79");
  assert.equal(issuedAlternatives({ ...names, dns: [], emails: [], ips: [], uris: [] }), undefined);
  const mapped = Buffer.from("00000000000000000000ffff0a010203", "hex");
  assert.equal(Buffer.from(issuedAlternatives({ ...names, dns: [], emails: [], ips: [mapped], uris: [] }) ?? []).toString("hex"), "300687040a010203");
});
