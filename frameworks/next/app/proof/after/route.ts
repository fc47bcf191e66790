import { after } from "next/server";
import { getSession, withSession } from "../../../lib/session";

let last = "";

export async function POST() {
  last = "";
  after(async () => {
    const { userId } = await getSession();
    const ended = await withSession((session) => session.set("note", "after")).then(
      () => "changed",
      (error: Error) => error.message,
    );
    last = `${userId}: ${ended}`;
  });
  return new Response();
}

export const GET = () => new Response(last);
