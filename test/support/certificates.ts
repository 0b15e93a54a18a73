/** Owns certificates for tests: made by openssl, for this machine's loopback address, signed by themselves. */
import { join } from "node:path";

export interface Certificate {
  /** Paths of PEM files. */
  readonly key: string;
  readonly cert: string;
}

/** Makes a certificate in a folder; it serves as its own authority, for servers and for clients. */
export function selfSigned(folder: string, name: string): Certificate {
  const [key, cert] = [join(folder, `${name}.key.pem`), join(folder, `${name}.cert.pem`)];
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-keyout", key, "-out", cert, "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"],
  ]);
  if (!made.success) throw new Error(`openssl: ${made.stderr.toString()}`);
  return { key, cert };
}
