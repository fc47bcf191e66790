import type { GetServerSideProps, InferGetServerSidePropsType } from "next";
import { withSession } from "../lib/session";

export const getServerSideProps = (({ req, res }) =>
  withSession(req, res, (session) => ({ props: { user: session.userId } }))) satisfies GetServerSideProps;

export default function Legacy({ user }: InferGetServerSidePropsType<typeof getServerSideProps>) {
  return <p id="user">{user ?? "nobody"}</p>;
}
