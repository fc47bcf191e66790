/** One request that works for each operation of the API, by the operation's name, for a session that lives. */
export function apiRequests({
  id,
  token,
}: {
  readonly id: string;
  readonly token: string;
}): Readonly<Record<string, readonly [line: `${string} /${string}`, body?: object]>> {
  return {
    listSessions: ["GET /sessions?limit=5"],
    countSessions: ["GET /count"],
    getSession: [`GET /sessions/${id}`],
    updateSession: [`PATCH /sessions/${id}`, { data: { a: 1 } }],
    refreshSession: [`POST /sessions/${id}/refresh`],
    listUserSessions: ["GET /users/ann/sessions"],
    authenticate: ["POST /sessions/authenticate", { token }],
    explainToken: ["POST /explain", { token }],
    startSession: ["POST /sessions", { userId: "ben" }],
    reauthenticateSession: [`POST /sessions/${id}/reauthenticate`, {}],
    reauthenticateToken: ["POST /sessions/reauthenticate", { token }],
    rotateToken: ["POST /sessions/rotate", { token }],
    endByToken: ["POST /sessions/end", { token }],
    endSession: [`DELETE /sessions/${id}`],
    endUserSessions: ["DELETE /users/ann/sessions"],
  };
}
