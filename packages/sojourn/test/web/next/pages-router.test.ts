import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Mode } from "../../../src/store/reply.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../../src/testing/faulty-store.ts";
import { nextSessions } from "../../../src/web/next.ts";
import type { RequestSession } from "../../../src/web/cookies/index.ts";
import { visit, type SocketVisitor } from "../support/socket-visitor.ts";
import { KEY, stores, type Data } from "../support/visitor.ts";

type Session = RequestSession<Data>;
type Store = ReturnType<(typeof stores)[number][1]>;

/** As Next calls `getServerSideProps`, and then renders, unless the response was sent. */
const withProps =
  (get: (session: Session) => unknown) =>
  async (run: (act: (session: Session) => unknown) => Promise<unknown>, response: ServerResponse): Promise<void> => {
    const result = await run(get);
    if (!response.headersSent) response.end(JSON.stringify(result));
  };

/** As Next does it with every response: what comes too late for the head is dropped without a word. */
function keepHeadOnceSent(response: ServerResponse): void {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) => (response.headersSent ? response : setHeader(name, value));
}

type Route = ReturnType<typeof withProps>;

async function serve(store: Store, routes: Readonly<Record<string, Route>>): Promise<SocketVisitor> {
  const sessions = createSessions<Data>({ store });
  const { withSession } = nextSessions<Data, Mode>({ sessions, keys: [KEY] });
  return visit((request: IncomingMessage, response: ServerResponse) => {
    keepHeadOnceSent(response);
    const route = routes[request.url ?? ""] as Route;
    const run = async (act: (session: Session) => unknown): Promise<unknown> => withSession(request, response, act);
    // What is no fault, Next answers with 500.
    route(run, response).catch(() => response.writeHead(500).end("failed"));
  });
}

describe.each(stores)("on %s", (_, open) => {
  const routes: Readonly<Record<string, Route>> = {
    "/props": withProps((session) => ({ props: { user: session.userId, note: session.get("note") ?? null } })),
    "/login": withProps(async (session) => {
      await session.login("ann");
      return { redirect: { destination: "/", permanent: false } };
    }),
    // As API routes answer: within the function.
    "/api": async (run, response) => {
      await run((session) => {
        session.set("note", "milk");
        response.writeHead(201).end("made");
      });
    },
    "/fails": async (run) => {
      await run(async (session) => {
        await session.login("bob");
        throw new Error("mine");
      });
    },
  };

  test("getServerSideProps and an API route read and write", async () => {
    const ann = await serve(open(), routes);
    expect((await ann.ask("/props")).lines).toEqual([]);
    expect((await ann.ask("/login")).lines).toHaveLength(1);
    const made = await ann.ask("/api", { method: "POST" });
    expect([made.status, made.body]).toEqual([201, "made"]);
    expect((await ann.ask("/props")).body).toBe('{"props":{"user":"ann","note":"milk"}}');
  });

  test("an API route begins a session", async () => {
    const visitor = await serve(open(), routes);
    expect((await visitor.ask("/api", { method: "POST" })).lines).toHaveLength(1);
    expect((await visitor.ask("/props")).body).toBe('{"props":{"user":null,"note":"milk"}}');
  });

  test("an error that is no fault is Next's, and sends no cookie", async () => {
    const ann = await serve(open(), routes);
    const failed = await ann.ask("/fails");
    expect([failed.status, failed.lines]).toEqual([500, []]);
  });

  test("another site's request is answered with 403", async () => {
    const ann = await serve(open(), routes);
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await ann.ask("/api", { method: "POST", headers })).status).toBe(403);
  });
});

test("a page whose session cannot be saved is not rendered", async () => {
  let rendered = 0;
  const visitor = await serve(faultyStore(memoryStore(), [{ call: "put", fault: "fail" }]), {
    "/set": async (run, response) => {
      await run((session) => session.set("note", "lost"));
      if (!response.headersSent) rendered += 1;
    },
  });
  expect([(await visitor.ask("/set")).status, rendered]).toEqual([503, 0]);
});

const down = (call: Fault["call"]): Fault => ({ call, fault: "fail" });

test.each<[string, Fault, string]>([
  ["cannot be told", down("get"), "/props"],
  ["cannot be saved, in props", down("put"), "/set"],
  ["cannot be saved, in an API route", down("put"), "/api"],
])("where the session %s, the answer is 503, and the cookie stays", async (_, fault, path) => {
  for (const make of [() => memoryStore(), () => asyncStore(memoryStore())]) {
    const store = make() as Store;
    const props = withProps((session) => ({ props: { user: session.userId } }));
    const ann = await serve(store, { "/login": withProps(async (session) => session.login("ann")) });
    await ann.ask("/login");
    const broken = await serve(faultyStore<Mode>(store, [fault]), {
      "/props": props,
      "/set": withProps((session) => session.set("note", "lost")),
      "/api": async (run, response) => {
        await run((session) => {
          session.set("note", "lost");
          response.end("made");
        });
      },
    });
    broken.cookie = ann.cookie;
    const answer = await broken.ask(path);
    expect([answer.status, answer.lines, answer.headers["cache-control"]]).toEqual([503, [], "no-store"]);
  }
});
