import Link from "next/link";
import { getSession } from "../lib/session";
import { login, logout } from "./actions";

export default async function Home() {
  const { userId, data } = await getSession();
  if (userId === null) return <Welcome />;
  return (
    <main>
      <p id="user">{userId}</p>
      {data.note !== undefined && <p id="note">{data.note}</p>}
      <form id="note" method="post" action="/note">
        <input name="note" /> <button>Keep</button>
      </form>
      <form id="rotate" method="post" action="/rotate">
        <button>New token</button>
      </form>
      <form id="logout" action={logout}>
        <button>Log out</button>
      </form>
      <Link id="devices" href="/devices">
        Devices
      </Link>
    </main>
  );
}

function Welcome() {
  return (
    <main>
      <p id="user">nobody</p>
      <form id="login" action={login}>
        <input name="user" autoComplete="username" /> <input name="password" type="password" />
        <button>Log in</button>
      </form>
    </main>
  );
}
