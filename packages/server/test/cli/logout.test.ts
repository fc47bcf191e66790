/** Logout means logout, over HTTP: a request that begins after the answer to a logout does not find the session. */
import { expect, test } from "vitest";
import { openConnection } from "../support/connections.ts";
import { inFolder, withServer } from "../support/server-process.ts";

const READERS = 16;
const SESSIONS = 40;

test.each([["sqlite:./sojourn.db"], ["memory:"]])("while %s is read from 16 connections", async (store) => {
  await inFolder(async (cwd) => {
    await withServer(["--store", store], { cwd }, async ({ url }) => {
      const state = { token: "none", ended: new Set<string>(), done: false };
      const wrong: string[] = [];
      const answers = new Map<string, number>();
      const readers = Array.from({ length: READERS }, async () => {
        const connection = openConnection(url);
        while (!state.done) {
          const { token } = state;
          const hasEnded = state.ended.has(token);
          const answer = await connection.send("GET", `/sessions/${token}`);
          answers.set(answer, (answers.get(answer) ?? 0) + 1);
          if (hasEnded && answer !== "404 ") wrong.push(`${token}: ${answer}`);
        }
        connection.close();
      });
      const writer = openConnection(url);
      for (let index = 0; index < SESSIONS; index++) {
        const token = `t${index}`;
        expect(await writer.send("POST", "/sessions", { token, user: "u_42" })).toBe('201 "ok"');
        state.token = token;
        // Until the readers have it in every cache there is.
        for (let read = 0; read < 5; read++) expect(await writer.send("GET", `/sessions/${token}`)).toBe('200 "u_42"');
        expect(await writer.send("POST", `/sessions/${token}/logout`)).toBe("204 ");
        state.ended.add(token);
        for (let read = 0; read < 5; read++) expect(await writer.send("GET", `/sessions/${token}`)).toBe("404 ");
      }
      expect(await writer.send("GET", "/sessions")).toBe("200 0");
      state.done = true;
      await Promise.all(readers);
      writer.close();
      expect(wrong).toEqual([]);
      expect(answers.get('200 "u_42"')).toBeGreaterThan(SESSIONS);
      expect(answers.get("404 ")).toBeGreaterThan(SESSIONS);
    });
  });
});
