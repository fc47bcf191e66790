import { isPassword } from "app-support";
import { data, Form, Link, redirect } from "react-router";
import { session } from "../session.server.ts";
import type { Route } from "./+types/home";

export function loader({ context }: Route.LoaderArgs) {
  const own = session.of(context);
  return { user: own.userId, note: own.get("note") };
}

export async function action({ context, request }: Route.ActionArgs) {
  const form = await request.formData();
  const own = session.of(context);
  switch (form.get("intent")) {
    case "login":
      if (!isPassword(form.get("password"))) return data({ wrong: true }, { status: 401 });
      await own.login(String(form.get("user")));
      break;
    case "logout":
      await own.logout();
      break;
    case "rotate":
      own.rotate();
  }
  return redirect("/");
}

export default function Home({ loaderData: { user, note } }: Route.ComponentProps) {
  return (
    <>
      <p id="user">{user ?? "nobody"}</p>
      {note !== undefined && <p id="note">{note}</p>}
      {user === null ? (
        <Form id="login" method="post">
          <input name="user" autoComplete="username" /> <input name="password" type="password" />
          <input type="hidden" name="intent" value="login" />
          <button>Log in</button>
        </Form>
      ) : (
        <>
          <Form id="note" method="post" action="/note">
            <input name="note" /> <button>Keep</button>
          </Form>
          <Form id="rotate" method="post">
            <input type="hidden" name="intent" value="rotate" />
            <button>New token</button>
          </Form>
          <Form id="logout" method="post">
            <input type="hidden" name="intent" value="logout" />
            <button>Log out</button>
          </Form>
          <Link id="devices" to="/devices" prefetch="intent">
            Devices
          </Link>
        </>
      )}
    </>
  );
}
