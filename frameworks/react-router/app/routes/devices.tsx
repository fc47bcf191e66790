import { Form, Link } from "react-router";
import { session } from "../session.server.ts";
import type { Route } from "./+types/devices";

export const loader = async ({ context }: Route.LoaderArgs) => ({ devices: await session.of(context).devices() });

export async function action({ context, request }: Route.ActionArgs) {
  const form = await request.formData();
  await session.of(context).logoutDevice(String(form.get("id")));
  return null;
}

export default function Devices({ loaderData: { devices } }: Route.ComponentProps) {
  return (
    <>
      <ul>
        {devices.map(({ id, device, current }) => (
          <li key={id} className={current ? "device current" : "device"} data-id={id}>
            {device?.userAgent}
            <Form className="end" method="post">
              <input type="hidden" name="id" value={id} />
              <button>End</button>
            </Form>
          </li>
        ))}
      </ul>
      <Link to="/">Home</Link>
    </>
  );
}
