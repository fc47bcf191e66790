import type { NextApiRequest, NextApiResponse } from "next";
import { withSession } from "../../lib/session";

export default (req: NextApiRequest, res: NextApiResponse) =>
  withSession(req, res, (session) => {
    if (req.method === "POST") session.set("note", String(req.body.note));
    res.json({ user: session.userId, note: session.get("note") });
  });
