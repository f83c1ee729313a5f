/** Certificates for tests of TLS with somebody else's server, made by the openssl that is installed. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DAYS = 2;
const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A certificate authority in a temporary folder and what it signs. */
export class TestAuthority {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<TestAuthority> {
    const authority = new TestAuthority(await mkdtemp(join(tmpdir(), 'fastchat-ca-')));
    const subject = `-days ${DAYS} -subj /CN=test-authority`;
    authority.#openssl(`req -x509 ${NEW_KEY} ${subject} -keyout ca.key -out ca.pem`);
    return authority;
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8');
  }

  /** Makes NAME.key and NAME.pem for 127.0.0.1, good for `usage`: serverAuth, clientAuth. */
  async sign(name: string, usage: string): Promise<void> {
    const extensions = `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=${usage}\n`;
    await writeFile(this.path(`${name}.ext`), extensions);
    this.#openssl(`req ${NEW_KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    const signing = `-CA ca.pem -CAkey ca.key -CAcreateserial -days ${DAYS} -extfile ${name}.ext`;
    this.#openssl(`x509 -req -in ${name}.csr ${signing} -out ${name}.pem`);
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  #openssl(command: string): void {
    execFileSync('openssl', command.split(' '), { cwd: this.directory, stdio: 'ignore' });
  }
}
