/**
 * The races that sessions lose, over real sockets. No race is left to time: a request waits at a gate in its handler,
 * or its write waits on the way to the store, until the other one has finished.
 */
import { gate } from "sojourn/testing";
import { Client } from "./client.ts";
import type { Routes, Running, Subject, Visit } from "./subject.ts";

/** How many requests the two counts take. */
const REQUESTS = 100;

/** What came of the races. */
export interface Outcome {
  /** After a logout, while a request that only reads was under way. */
  readonly slowRead: "logged out" | "still logged in";
  /** The same, with a request that writes a field. */
  readonly slowWrite: "logged out" | "still logged in";
  /** Two requests that write different fields. */
  readonly twoWriters: string;
  /** A session that is there when a redirect is followed at once. */
  readonly redirect: "saved" | "lost";
  /** How many sessions 100 requests without a cookie have left. */
  readonly cookieless: number;
  /** How many writes 100 requests that only read have made. */
  readonly reads: number;
}

/** Runs every race, each against a fresh server. */
export async function runRaces(subject: Subject): Promise<Outcome> {
  return {
    slowRead: await during(subject, slowRequest("/slow-read")),
    slowWrite: await during(subject, slowRequest("/slow-write")),
    twoWriters: await during(subject, twoWriters),
    redirect: await during(subject, redirectBeforeSave),
    cookieless: await during(subject, cookieless),
    reads: await during(subject, reads),
  };
}

interface Stage {
  readonly slow: ReturnType<typeof gate>;
  readonly first: ReturnType<typeof gate>;
  readonly second: ReturnType<typeof gate>;
  readonly server: Running;
}

async function during<T>(subject: Subject, race: (stage: Stage) => Promise<T>): Promise<T> {
  const [slow, first, second] = [gate(), gate(), gate()];
  const server = await subject.start(program(slow, first, second));
  try {
    return await race({ slow, first, second, server });
  } finally {
    await server.close();
  }
}

/** The program that every subject runs. */
function program(slow: Stage["slow"], first: Stage["first"], second: Stage["second"]): Routes {
  return {
    "/login": (visit) => {
      visit.set("user", "u");
      return "in";
    },
    "/me": who,
    "/logout": async (visit) => {
      await visit.destroy();
      return "out";
    },
    "/slow-read": async (visit) => {
      await slow.pass();
      return who(visit);
    },
    "/slow-write": async (visit) => {
      await slow.pass();
      visit.set("late", true);
      return "written";
    },
    "/write-a": async (visit) => {
      await first.pass();
      visit.set("a", true);
      return "written";
    },
    "/write-b": async (visit) => {
      await second.pass();
      visit.set("b", true);
      return "written";
    },
    "/written": (visit) => ["a", "b"].filter((name) => visit.get(name) === true).join(" and "),
    "/begin": (visit) => {
      visit.set("user", "u");
      return { redirect: "/me" };
    },
    "/ping": () => "pong",
  };
}

function who(visit: Visit): string {
  const user = visit.get("user");
  return typeof user === "string" ? user : "nobody";
}

function slowRequest(path: string): (stage: Stage) => Promise<Outcome["slowRead"]> {
  return async ({ slow, server }) => {
    const client = new Client(server.url);
    await client.get("/login");
    expectAnswer(await client.get("/me"), "u");
    const copied = client.copy();
    const request = client.begin(path);
    await slow.reached;
    await client.get("/logout");
    slow.open();
    await request.text;
    // Whether by the cookie that the client has now or by the one that it had, nobody must be let in.
    const answers = [await client.get("/me"), await copied.get("/me")];
    return answers.includes("u") ? "still logged in" : "logged out";
  };
}

async function twoWriters({ first, second, server }: Stage): Promise<string> {
  const client = new Client(server.url);
  await client.get("/login");
  const [a, b] = [client.begin("/write-a"), client.begin("/write-b")];
  await Promise.all([first.reached, second.reached]);
  second.open();
  await b.text;
  first.open();
  await a.text;
  const written = await client.get("/written");
  return written === "a and b" ? "both kept" : `only ${written}`;
}

async function redirectBeforeSave({ server }: Stage): Promise<Outcome["redirect"]> {
  const client = new Client(server.url);
  const write = server.held?.hold();
  const login = client.begin("/begin");
  if (write !== undefined) {
    await write.reached;
    if (await isAnswered(login.head, server)) {
      // The browser follows as soon as it knows where to. Its request has been answered, or waits for the write.
      const next = client.begin("/me");
      await Promise.race([next.head, turns(server)]);
      write.open();
      return (await next.text) === "u" ? "saved" : "lost";
    }
    write.open();
  }
  await login.head;
  return (await client.get("/me")) === "u" ? "saved" : "lost";
}

/**
 * Whether the head of an answer was sent before a write that is held. What was sent before a request of ours is there
 * before the answer to that request, so two of those tell.
 */
async function isAnswered(head: Promise<unknown>, server: Running): Promise<boolean> {
  let answered = false;
  void head.then(() => (answered = true));
  await turns(server);
  return answered;
}

async function turns(server: Running): Promise<void> {
  const other = new Client(server.url);
  await other.get("/ping");
  await other.get("/ping");
}

async function cookieless({ server }: Stage): Promise<number> {
  const before = await server.stored();
  for (let n = 0; n < REQUESTS; n++) expectAnswer(await new Client(server.url).get("/me"), "nobody");
  return (await server.stored()) - before;
}

async function reads({ server }: Stage): Promise<number> {
  const client = new Client(server.url);
  await client.get("/login");
  const before = server.writes();
  for (let n = 0; n < REQUESTS; n++) expectAnswer(await client.get("/me"), "u");
  return server.writes() - before;
}

function expectAnswer(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`Expected the answer ${expected}, got ${answer.slice(0, 200)}`);
}
