/** One table of requests, plain and odd ones, as bytes: what a service is asked that has a session under `t1`, and a few more. */

export const SECRET = "s3cret-that-no-line-may-hold";
export const KEY = "correct-horse-battery-staple-42!";
export const PAGE = "https://app.example.com";
/** All that stands in a path as it is. */
export const PLAIN = "Az09-_.~!$&'()*+,;=:@";
export const MINTED = `sess_${"a".repeat(22)}${"b".repeat(43)}`;

/** A line that a configuration replaces, so that every request of the table can bring a key. */
export const PLACE = "X-Key: here";
export const head = (...lines: readonly string[]): string => [...lines, PLACE, "", ""].join("\r\n");
export const LAST = "Connection: close";
const request = (line: string, ...headers: readonly string[]): string =>
  head(`${line} HTTP/1.1`, "Host: localhost", LAST, ...headers);
export const get = (target: string, ...headers: readonly string[]): string => request(`GET ${target}`, ...headers);
const hosted = (...hosts: readonly string[]): string =>
  head("GET /sessions/t1 HTTP/1.1", ...hosts.map((host) => `Host: ${host}`), LAST);
export const kept = (target: string): string => head(`GET ${target} HTTP/1.1`, "Host: localhost");

/** A request, the status of a service on this machine without a key, and whether Hono is left out. */
export type Row = readonly [name: string, status: number, way: "fast" | "hono", bytes: string];

const ANSWERS: readonly Row[] = [
  ["a session", 200, "fast", get("/sessions/t1")],
  ["a user id that is not ASCII", 200, "fast", get("/sessions/t-umlaut")],
  ["an absent session", 404, "fast", get("/sessions/nobody")],
  ["an anonymous session", 404, "fast", get("/sessions/anonymous")],
  ["a session whose time is up", 404, "fast", get("/sessions/expired")],
  ["a token of every plain character", 200, "fast", get(`/sessions/${PLAIN}`)],
  ["a token with encoded characters", 200, "fast", get("/sessions/t%C3%A9%2f%3F")],
  ["the shape of a minted token", 404, "fast", get(`/sessions/${MINTED}`)],
  ["names of the prototype", 404, "fast", get("/sessions/__proto__")],
  ["128 characters", 404, "fast", get(`/sessions/${"t".repeat(128)}`)],
  ["129 characters", 400, "fast", get(`/sessions/${"t".repeat(129)}`)],
  ["129 characters, encoded", 400, "fast", get(`/sessions/t${"%C3%A9".repeat(128)}`)],
  ["thousands of characters", 400, "fast", get(`/sessions/${"t".repeat(12_000)}`)],
  ["more than a server reads", 431, "hono", get(`/sessions/${"t".repeat(20_000)}`)],
  ["NUL, encoded", 400, "fast", get(`/sessions/${SECRET}%00`)],
  ["a percent sign alone", 400, "fast", get(`/sessions/${SECRET}%`)],
  ["half an encoding", 400, "fast", get(`/sessions/${SECRET}%4`)],
  ["no hex digits", 400, "fast", get(`/sessions/${SECRET}%zz`)],
  ["bytes that are not UTF-8", 400, "fast", get(`/sessions/${SECRET}%FF`)],
  ["an overlong slash", 400, "fast", get("/sessions/t%C0%AF")],
  ["half a pair of surrogates", 400, "fast", get("/sessions/t%ED%A0%80")],
];

const TARGETS: readonly Row[] = [
  ["one dot", 400, "hono", get("/sessions/.")],
  ["two dots", 404, "hono", get("/sessions/..")],
  ["two dots, encoded", 404, "hono", get("/sessions/%2e%2E")],
  ["a dot and an encoded one", 404, "hono", get("/sessions/.%2e")],
  ["three dots", 404, "hono", get("/sessions/...")],
  ["a dot first", 404, "hono", get("/sessions/.t1")],
  ["an encoded character first", 404, "hono", get("/sessions/%C3%A9")],
  ["a dot last", 404, "fast", get("/sessions/t1.")],
  ["an encoded dot last", 404, "fast", get("/sessions/t1%2e")],
  ["dots on the way", 200, "hono", get("/x/../sessions/t1")],
  ["one dot on the way", 200, "hono", get("/./sessions/t1")],
  ["dots at the end", 400, "hono", get("/sessions/t1/..")],
  ["no token", 400, "hono", get("/sessions/")],
  ["a slash at the end", 404, "hono", get("/sessions/t1/")],
  ["two slashes at the end", 404, "hono", get("/sessions/t1//")],
  ["two slashes at the beginning", 404, "hono", get("//sessions/t1")],
  ["two slashes in the middle", 404, "hono", get("/sessions//t1")],
  ["more behind the token", 405, "hono", get("/sessions/t1/logout")],
  ["another path", 404, "hono", get("/sessionst1")],
  ["other letters", 404, "hono", get("/Sessions/t1")],
  ["an encoded slash before the token", 404, "hono", get("/sessions%2Ft1")],
  ["an empty query", 200, "hono", get("/sessions/t1?")],
  ["a query", 400, "hono", get(`/sessions/t1?token=${SECRET}`)],
  ["a fragment", 200, "hono", get("/sessions/t1#x")],
  ["a backslash", 400, "hono", get(`/sessions/t1\\${SECRET}`)],
  ["a bracket", 404, "hono", get("/sessions/t1[0]")],
  ["a quote", 404, "hono", get('/sessions/t1"')],
  ["a bar", 404, "hono", get("/sessions/t1|")],
  ["a tilde alone", 404, "fast", get("/sessions/~")],
  ["a character that is not ASCII", 400, "hono", get(`/sessions/é${SECRET}`)],
  ["a URL", 200, "hono", get("http://localhost/sessions/t1")],
  ["a URL in capitals", 400, "hono", get("HTTP://localhost/sessions/t1")],
  ["a URL of TLS", 200, "hono", get("https://localhost/sessions/t1")],
  ["a URL of another host", 200, "hono", get("http://evil.example/sessions/t1")],
  ["a URL that is none", 400, "hono", get("http://[/sessions/t1")],
  ["no slash", 400, "hono", get("sessions/t1")],
  ["a star", 400, "hono", request("OPTIONS *")],
];

const METHODS: readonly Row[] = [
  ["HEAD", 200, "hono", request("HEAD /sessions/t1")],
  ["HEAD of an absent session", 404, "hono", request("HEAD /sessions/nobody")],
  ["HEAD of what is no token", 400, "hono", request("HEAD /sessions/%00")],
  ...["POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY", "PROPFIND"].map((method): Row => [
    method,
    405,
    "hono",
    request(`${method} /sessions/t1`),
  ]),
  [
    "OPTIONS of another origin",
    403,
    "hono",
    request("OPTIONS /sessions/t1", `Origin: ${PAGE}`, "Access-Control-Request-Method: GET"),
  ],
  ["OPTIONS of no page", 405, "hono", request("OPTIONS /sessions/t1")],
  ["small letters", 400, "hono", request("get /sessions/t1")],
];

const HEADERS: readonly Row[] = [
  ["no host", 400, "hono", hosted()],
  ["an empty host", 400, "hono", hosted("")],
  ["a host with a space", 400, "hono", hosted("local host")],
  ["a host with a path", 400, "hono", hosted("localhost/x")],
  ["a host with a user", 400, "hono", hosted("user@localhost")],
  ["a host in capitals", 200, "hono", hosted("LOCALHOST")],
  ["a host with a port", 200, "fast", hosted("localhost:8787")],
  ["a host with a port of five digits", 200, "fast", hosted("127.0.0.1:59999")],
  ["a host with a port from 60000 on", 200, "hono", hosted("127.0.0.1:60500")],
  ["a host with a port that is none", 400, "hono", hosted("localhost:99999")],
  ["a host with an empty port", 400, "hono", hosted("localhost:")],
  ["a host in brackets", 200, "hono", hosted("[::1]:8787")],
  ["a host that is half an address", 403, "fast", hosted("127.1")],
  ["another host", 403, "fast", hosted("evil.example")],
  ["two hosts", 403, "hono", hosted("localhost", "evil.example")],
  ["the same host twice", 403, "hono", hosted("localhost", "localhost")],
  ["another site's page", 403, "fast", get("/sessions/t1", "Sec-Fetch-Site: cross-site")],
  ["our own page", 200, "fast", get("/sessions/t1", "Sec-Fetch-Site: same-origin")],
  [
    "an origin that some configurations name",
    403,
    "fast",
    get("/sessions/t1", `origin: ${PAGE}`, "Sec-Fetch-Site: cross-site"),
  ],
  ["an origin that is not", 403, "fast", get("/sessions/nobody", "Origin: null", "Sec-Fetch-Site: cross-site")],
  ["our own origin alone", 200, "fast", get("/sessions/t1", "Origin: http://localhost")],
  ["another origin alone", 403, "fast", get("/sessions/t1", "Origin: http://localhost:3000")],
  ["two origins", 403, "fast", get("/sessions/t1", `Origin: ${PAGE}`, "Origin: x", "Sec-Fetch-Site: cross-site")],
  ["another key", 200, "fast", get("/sessions/t1", `Authorization: Bearer ${KEY}x`)],
  ["the key twice", 200, "fast", get("/sessions/t1", `Authorization: Bearer ${KEY}`)],
];

const CONNECTIONS: readonly Row[] = [
  ["HTTP/1.0", 200, "fast", head("GET /sessions/t1 HTTP/1.0", "Host: localhost")],
  ["HTTP/1.0 without a host", 400, "hono", head("GET /sessions/t1 HTTP/1.0")],
  ["a body", 200, "fast", get("/sessions/t1", "Content-Length: 3") + "abc"],
  ["a body in chunks", 200, "fast", `${get("/sessions/t1", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`],
  [
    "a length and chunks",
    400,
    "hono",
    `${get("/sessions/t1", "Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ],
  ["a body that is waited for", 100, "fast", get("/sessions/t1", "Content-Length: 3", "Expect: 100-continue")],
  ["another expectation", 417, "hono", get("/sessions/t1", "Expect: miracles")],
  ["an upgrade", 200, "fast", get("/sessions/t1", "Upgrade: websocket")],
  ["several in a pipeline", 200, "fast", kept("/sessions/t1") + kept("/sessions/nobody") + get("/sessions/t1")],
  [
    "a body between two requests",
    200,
    "fast",
    kept("/sessions/t1").replace("\r\n", "\r\nContent-Length: 3\r\n") + "GET" + get("/sessions/t1"),
  ],
  ["garbage behind it", 200, "fast", `${kept("/sessions/t1")}\0\x01${SECRET}\r\n\r\n`],
  [
    "the same on HTTP/1.0",
    200,
    "fast",
    head("GET /sessions/t1 HTTP/1.0", "Host: localhost", "Connection: keep-alive") + get("/sessions/t1"),
  ],
];

export const ROWS = [...ANSWERS, ...TARGETS, ...METHODS, ...HEADERS, ...CONNECTIONS];
