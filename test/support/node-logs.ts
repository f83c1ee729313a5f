/** What the nodes of a test logged last, shown when the test fails: a rare failure is seldom seen twice. */

const LINES_KEPT = 1000;

export class NodeLogs {
  #lines: string[] = [];

  /** For `startDevCluster`. */
  readonly onLog = (node: string, line: string): void => {
    this.#lines.push(`${node} ${line}`);
    if (this.#lines.length >= 2 * LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT);
  };

  /** To be called after each test; forgets what it logged. */
  endTest(test: { readonly state?: string | undefined } | undefined): void {
    const lines = this.#lines.slice(-LINES_KEPT);
    this.#lines = [];
    if (test?.state === 'failed') console.error(lines.join('\n'));
  }
}
