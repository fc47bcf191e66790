import { withSession } from "../../../lib/session";

export default async function RenderWrite() {
  const ended = await withSession((session) => session.set("note", "rendered")).then(
    () => "changed",
    (error: Error) => error.message,
  );
  return <p id="seen">{ended}</p>;
}
