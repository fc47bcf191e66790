/** A certificate of a moment's, for servers of tests. Node can use one and cannot make one: openssl does. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** `undefined` where there is no openssl. */
export function certificate(): Certificate | undefined {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-certificate-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"].concat(
        ["-keyout", key, "-out", cert, "-subj", "/CN=app.test"],
        ["-addext", "subjectAltName=DNS:app.test,DNS:other.test,DNS:localhost"],
      ),
      { stdio: "ignore", timeout: 10_000 },
    );
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
