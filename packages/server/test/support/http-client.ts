/** What a client of the service sends, over HTTP. */

/** A client of one server. Each answer is its status and its body, such as `200 "u_42"`. */
export interface HttpClient {
  login(token: string, user: string): Promise<string>;
  whoami(token: string): Promise<string>;
  logout(token: string): Promise<string>;
  active(): Promise<string>;
}

export function httpClient(url: string, headers: Readonly<Record<string, string>> = {}): HttpClient {
  const send = async (method: string, path: string, body?: object): Promise<string> => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return `${response.status} ${await response.text()}`;
  };
  return {
    login: async (token, user) => send("POST", "/sessions", { token, user }),
    whoami: async (token) => send("GET", `/sessions/${encodeURIComponent(token)}`),
    logout: async (token) => send("POST", `/sessions/${encodeURIComponent(token)}/logout`),
    active: async () => send("GET", "/sessions"),
  };
}
