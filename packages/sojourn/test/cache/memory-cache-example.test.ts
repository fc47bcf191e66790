import { expect, test, vi } from "vitest";

test("the audit log example tells how each session began and ended", async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...args: unknown[]) => void lines.push(args.join(" ")));
  try {
    await import("../../../../examples/cache-audit-log.ts");
  } finally {
    log.mockRestore();
  }
  expect(lines).toEqual([
    'Session created {"sessionId":"s1","userId":"ada"}',
    'Session created {"sessionId":"s2","userId":"grace"}',
    'Session created {"sessionId":"s3","userId":"edsger"}',
    'Session destroyed {"sessionId":"s3","userId":"edsger","reason":"delete"}',
    "After 30 minutes: ada",
    'Session expired {"sessionId":"s1","userId":"ada"}',
    "A millisecond later: ",
    'Session destroyed {"sessionId":"s2","userId":"grace","reason":"clear"}',
    "Sessions left: 0",
  ]);
});
