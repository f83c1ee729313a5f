/** Two people who number what they tell each other, all the time, while somebody else attacks their cluster. */
import { expect } from 'chai';
import { Rpc } from '../support/processes.ts';

export const PASSWORD = 'correct horse battery';

const NAMES = ['@honest-ann', '@honest-ben'] as const;

export class HonestPair {
  readonly #rpc: Rpc;
  readonly #acknowledged = new Map<string, string[]>(NAMES.map((name) => [name, []]));
  readonly #running: Promise<void>[] = [];
  readonly #refusals: string[] = [];
  readonly #state = { isTalking: true };

  private constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  static async start(home: string, url: string): Promise<HonestPair> {
    const rpc = new Rpc({ home, url });
    for (const account of NAMES) {
      await rpc.call('register', { account, password: PASSWORD });
      await rpc.call('login', { account, password: PASSWORD });
    }
    const pair = new HonestPair(rpc);
    const [ann, ben] = NAMES;
    pair.#running.push(pair.#talk(ann, ben), pair.#talk(ben, ann));
    return pair;
  }

  /** Resolves when so many more messages of each were acknowledged and shown to the other. */
  async exchange(count: number): Promise<void> {
    const goals = NAMES.map((name) => this.#shownTo(name).length + count);
    for (const [index, name] of NAMES.entries())
      await this.#rpc.eventCount(
        goals[index] ?? 0,
        ({ type, account }) => type === 'message' && account === name,
      );
  }

  /** Ends the talk; everything acknowledged was shown once, in order, and nothing was refused. */
  async finish(): Promise<void> {
    this.#state.isTalking = false;
    await Promise.all(this.#running);
    const [ann, ben] = NAMES;
    for (const [from, to] of [
      [ann, ben],
      [ben, ann],
    ] as const) {
      const sent = this.#acknowledged.get(from) ?? [];
      await this.#rpc.eventCount(
        sent.length,
        ({ type, account }) => type === 'message' && account === to,
      );
      expect(this.#shownTo(to), `what ${to} was shown`).to.deep.equal(sent);
    }
    expect(this.#refusals).to.deep.equal([]);
    expect(await this.#rpc.end()).to.equal(0);
  }

  #shownTo(name: string): readonly string[] {
    return this.#rpc.messages(name).map(({ text }) => String(text));
  }

  async #talk(from: string, to: string): Promise<void> {
    for (let number = 1; this.#state.isTalking; number += 1) {
      const text = `${from} ${number}`;
      await this.#rpc.call('send', { account: from, to, text }).then(
        () => this.#acknowledged.get(from)?.push(text),
        (cause: Error) => this.#refusals.push(`${text}: ${cause.message}`),
      );
    }
  }
}
