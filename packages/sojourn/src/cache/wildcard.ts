/**
 * A test for keys against a pattern in which `*` stands for any characters, none included, and everything else for
 * itself. No regular expression: nothing needs escaping, and no pattern can make the test slow.
 */
export function wildcard(pattern: string): (key: string) => boolean {
  const parts = pattern.split("*");
  const head = parts.shift()!;
  const tail = parts.pop();
  if (tail === undefined) return (key) => key === pattern;
  return (key) => {
    if (!key.startsWith(head)) return false;
    const end = key.length - tail.length;
    let from = head.length;
    for (const part of parts) {
      // The leftmost place is always right: whatever follows has the most room then.
      const at = key.indexOf(part, from);
      if (at === -1) return false;
      from = at + part.length;
    }
    return from <= end && key.endsWith(tail);
  };
}
