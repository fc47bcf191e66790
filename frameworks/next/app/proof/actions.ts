"use server";

import { notFound } from "next/navigation";
import { getSession, withSession } from "../../lib/session";

export async function loginThenRead(user: string) {
  await withSession((session) => session.login(user));
  return (await getSession()).userId;
}

export async function keep(note: string) {
  await withSession(async (session) => {
    const before = session.get("note") ?? "";
    await new Promise((resolve) => setTimeout(resolve, 50));
    session.set("note", before + note);
  });
}

export async function keepBoth() {
  await Promise.all([
    withSession((session) => session.set("note", "a")),
    withSession((session) => session.flash("b", 1)),
  ]);
  return withSession((session) => [session.get("note"), session.hasFlash("b")].join());
}

export async function loginAndFail(user: string) {
  await withSession(async (session) => {
    await session.login(user);
    throw new Error("after the login");
  });
}

export async function keepAndLeave(note: string) {
  await withSession((session) => {
    session.set("note", note);
    notFound();
  });
}
