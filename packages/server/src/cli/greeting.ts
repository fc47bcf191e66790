/** What a server says when it has started. */
export interface Greeting {
  readonly url: string;
  readonly where: string;
  readonly hasKey: boolean;
}

/** Where it listens, where the data lies, a line to try, and who may ask. */
export function greeting({ url, where, hasKey }: Greeting): string {
  const key = hasKey ? ` -H "authorization: Bearer $SOJOURN_API_KEY"` : "";
  return [
    `sojourn listens on ${url}`,
    `Sessions are kept ${where}`,
    `Try: curl -i ${url}/sessions${key} -H 'content-type: application/json' -d '{"token":"t1","user":"u_42"}'`,
    hasKey
      ? "Every request needs the API key"
      : "It is open to every program on this machine, and only to those: no API key is set",
    "",
  ].join("\n");
}
