import Link from "next/link";
import { getSession } from "../../lib/session";
import { endDevice } from "../actions";

export default async function Devices() {
  const session = await getSession();
  return (
    <main>
      <ul>
        {(await session.devices()).map(({ id, device, current }) => (
          <li key={id} className={current ? "device current" : "device"} data-id={id}>
            {device?.userAgent}
            <form className="end" action={endDevice}>
              <input type="hidden" name="id" value={id} />
              <button>End</button>
            </form>
          </li>
        ))}
      </ul>
      <Link href="/">Home</Link>
    </main>
  );
}
