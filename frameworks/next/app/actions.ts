"use server";

import { redirect } from "next/navigation";
import { withSession } from "../lib/session";

export async function login(form: FormData) {
  if (form.get("password") !== "correct horse") redirect("/?wrong");
  await withSession((session) => session.login(String(form.get("user"))));
  redirect("/");
}

export async function logout() {
  await withSession((session) => session.logout());
  redirect("/");
}

export async function endDevice(form: FormData) {
  await withSession((session) => session.logoutDevice(String(form.get("id"))));
  redirect("/devices");
}
