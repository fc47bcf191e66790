import { getSession } from "../../lib/session";
import { Buttons } from "./buttons";

export default async function Proof() {
  const { userId, data } = await getSession();
  return (
    <main>
      <p id="user">{userId ?? "nobody"}</p>
      <p id="note">{data.note}</p>
      <Buttons />
    </main>
  );
}
