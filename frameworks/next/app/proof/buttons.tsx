"use client";

import Link from "next/link";
import { useState } from "react";
import { keep, keepAndLeave, keepBoth, loginAndFail, loginThenRead } from "./actions";

const ACTIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  login: () => loginThenRead("bob"),
  together: () => Promise.all([keep("a"), keep("b"), keep("c")]),
  both: keepBoth,
  fail: () => loginAndFail("eve"),
  leave: () => keepAndLeave("kept"),
};

export function Buttons() {
  const [result, setResult] = useState("");
  const [hasLinks, setHasLinks] = useState(false);
  const run = async (act: () => Promise<unknown>) => {
    setResult("");
    const ended = await act().then(String, (error: { digest?: string }) => `failed ${error.digest ?? ""}`);
    setResult(`${ended};`);
  };
  return (
    <>
      {Object.entries(ACTIONS).map(([name, act]) => (
        <button key={name} id={name} onClick={() => void run(act)}>
          {name}
        </button>
      ))}
      <p id="result">{result}</p>
      <button id="show" onClick={() => setHasLinks(true)}>
        show
      </button>
      {hasLinks && (
        <Link id="link" href="/devices">
          Devices
        </Link>
      )}
    </>
  );
}
