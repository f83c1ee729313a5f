/** The demo without a terminal: a scripted tour that checks itself and prints what happens. */
import type { Client, ClientEvent } from '../../client/api.ts';
import type { GroupEventChange } from '../../client/group-api.ts';
import { within } from '../../ops/lifecycle.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { parseGroupId, parseUserId } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import { REQUEST_TIMEOUT_MS } from '../../protocol/limits.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Stage } from './stage.ts';

/** Exit code of a tour that went wrong. */
const FAILED = 1;
const PASSWORD = 'a password for the tour';
const ADA = parseUserId('@ada');
const BEN = parseUserId('@ben');
const CLEO = parseUserId('@cleo');
const CREW = parseGroupId('#crew');
const TO_ALL = 'One sealed copy for all of you.';
const TO_BEN = 'Cleo is out, and this is under a key that she never had.';
const WHILE_AWAY = [
  'Are you there?',
  'The node with your mailbox will be killed.',
  'See you after.',
];

type MessageEvent = Extract<ClientEvent, { type: 'message' }>;

/** Ada, Ben and Cleo. */
type Trio = readonly [ada: Client, ben: Client, cleo: Client];

class Tour {
  readonly #context: CommandContext;
  readonly #stage: Stage;
  readonly #people = new Map<UserId, Client>();

  constructor(context: CommandContext, stage: Stage) {
    this.#context = context;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    await this.#say('Three node processes, linked by an encrypted ZeroMQ mesh:');
    for (const { ready } of this.#stage.cluster.nodes)
      await this.#say(`  ${ready.node}  process ${ready.pid}  gate ${new URL(ready.url).host}`);
    await this.#logIn();
    await this.#acrossNodes();
    await this.#inAGroup();
    await this.#offline();
    await this.#killOwner();
    await this.#comeBack();
  }

  #say(text: string): Promise<void> {
    return this.#context.out.line(text);
  }

  #check(isRight: boolean, claim: string): void {
    if (!isRight) throw new FastChatError('E_INTERNAL', `the tour went wrong: ${claim}`);
  }

  #person(user: UserId): Client {
    const client = this.#people.get(user);
    if (client === undefined) throw new FastChatError('E_INTERNAL', `${user} is not logged in`);
    return client;
  }

  async #logIn(): Promise<void> {
    await this.#say('\nThree people register; the balancer places each login:');
    const used = new Set<string>();
    for (const user of [ADA, BEN, CLEO]) {
      const client = await this.#stage.client(user, user.slice(1));
      const { fingerprint } = await client.register(PASSWORD);
      const { node } = await client.login(PASSWORD);
      const { owner, shard } = await this.#stage.where(user);
      this.#people.set(user, client);
      used.add(node);
      await this.#stage.heard(used.size);
      await this.#say(
        `  ${user.padEnd(5)} is connected to ${node}; the mailbox is shard ${shard} on ${owner}; key ${fingerprint.slice(0, 17)}…`,
      );
    }
    this.#check(used.size === 3, 'every node got one of the three logins');
  }

  async #acrossNodes(): Promise<void> {
    await this.#say(
      '\nMessages across nodes, sealed on the sender’s device, opened on the recipient’s:',
    );
    await this.#exchange(ADA, BEN, 'Hello Ben, no node can read this.');
    await this.#exchange(BEN, CLEO, 'Cleo, Ada found us.');
    await this.#exchange(CLEO, ADA, 'Round the whole cluster!');
  }

  async #exchange(from: UserId, to: UserId, text: string): Promise<void> {
    const arrival = this.#arrivals(this.#person(to), [text]);
    const sent = await this.#person(from).send(to, text, { wait: 'delivered' });
    const [event] = await arrival;
    this.#check(event?.text === text && event.from === from, `${to} got what ${from} sent`);
    await this.#say(`  ${from} → ${to}  ${sent.state.padEnd(9)}  ${text}`);
  }

  async #inAGroup(): Promise<void> {
    const [ada, ben, cleo]: Trio = [this.#person(ADA), this.#person(BEN), this.#person(CLEO)];
    await this.#say('\n@ada makes a group of the three; what it is called no node can read:');
    const letIn = [ben, cleo].map((client) => this.#change(client, 'added'));
    const { epoch } = await ada.group.create(CREW, { members: [BEN, CLEO], title: 'The crew' });
    await Promise.all(letIn);
    const { owner, shard } = await this.#stage.where(CREW);
    await this.#say(`  ${CREW} is shard ${shard} on ${owner}; its key is number ${epoch}`);
    const arrivals = [ben, cleo].map((client) => this.#arrivals(client, [TO_ALL]));
    await ada.send(CREW, TO_ALL);
    await Promise.all(arrivals);
    await this.#say(`  ${ADA} → ${CREW}  at ${BEN} and ${CLEO}  ${TO_ALL}`);
    await this.#withoutCleo([ada, ben, cleo]);
  }

  async #withoutCleo([ada, ben, cleo]: Trio): Promise<void> {
    const out = this.#change(cleo, 'removed');
    const { epoch } = await ada.group.remove(CREW, CLEO);
    await out;
    await this.#say(`  ${ADA} puts ${CLEO} out: the key is number ${epoch} from now on`);
    const arrival = this.#arrivals(ben, [TO_BEN]);
    await ada.send(CREW, TO_BEN);
    await arrival;
    const seen = (await cleo.history(CREW)).map(({ text }) => text);
    this.#check(seen.join() === TO_ALL, `${CLEO} has what was written while she was in, no more`);
    await this.#say(`  ${ADA} → ${CREW}  at ${BEN} alone  ${TO_BEN}`);
    const end = this.#change(ben, 'deleted');
    await ada.group.delete(CREW);
    await end;
    this.#check((await ben.groups()).length === 0, `${CREW} is gone for everybody`);
    await this.#say(`  ${ADA} deletes ${CREW}: it is gone for everybody`);
  }

  async #offline(): Promise<void> {
    await this.#say('\n@ben goes offline. @ada sends him three messages:');
    await this.#stage.leave(this.#person(BEN));
    for (const text of WHILE_AWAY) {
      const { state } = await this.#person(ADA).send(BEN, text);
      this.#check(state === 'stored', `“${text}” was stored`);
      await this.#say(`  ${ADA} → ${BEN}  ${state}: flushed to disk  ${text}`);
    }
    const { pending } = await this.#stage.mailbox(BEN);
    this.#check(
      pending === WHILE_AWAY.length,
      `${WHILE_AWAY.length} messages wait, not ${pending}`,
    );
  }

  async #killOwner(): Promise<void> {
    const { cluster } = this.#stage;
    const { owner } = await this.#stage.where(BEN);
    const index = this.#stage.indexOf(owner);
    const pid = cluster.nodes[index]?.pid;
    await cluster.kill(index, 'SIGKILL');
    await this.#say(`\n${owner} owns @ben’s mailbox: kill -9 ${pid}. It is gone.`);
    const restarted = await cluster.restart(index);
    await this.#say(`${owner} is started again as process ${restarted.pid}, on the same data.`);
  }

  async #comeBack(): Promise<void> {
    await this.#say('\n@ben comes back on another machine, with nothing but the password:');
    const ben = await this.#stage.client(BEN, 'another-machine');
    const arrival = this.#arrivals(ben, WHILE_AWAY);
    const { node, pending } = await ben.login(PASSWORD);
    await this.#say(`  connected to ${node}, ${pending} messages waiting`);
    this.#check(
      pending === WHILE_AWAY.length,
      `${WHILE_AWAY.length} messages wait, not ${pending}`,
    );
    const events = await arrival;
    for (const { from, text } of events) await this.#say(`  ${from}: ${text}`);
    await ben.caughtUp();
    const history = await ben.history(ADA, { limit: WHILE_AWAY.length });
    const shown = [events, history].map((list) => list.map(({ text }) => text).join('\n'));
    const isRight = shown.every((texts) => texts === WHILE_AWAY.join('\n'));
    this.#check(isRight, 'the three arrived once and in order');
  }

  /** Resolves when `client` tells that this was done to the group. */
  #change(client: Client, change: GroupEventChange): Promise<void> {
    const told = new Promise<void>((resolve) => {
      const listener = client.on((event) => {
        if (event.type !== 'group' || event.group !== CREW || event.change !== change) return;
        listener.off();
        resolve();
      });
    });
    return within(this.#context.io.clock, REQUEST_TIMEOUT_MS, `${change} in ${CREW}`, told);
  }

  /**
   * What `client` shows of `texts`, once that many have come. A new device is also given what older ones had got already;
   * that is not counted.
   */
  #arrivals(client: Client, texts: readonly string[]): Promise<readonly MessageEvent[]> {
    const events: MessageEvent[] = [];
    const enough = new Promise<readonly MessageEvent[]>((resolve) => {
      const listener = client.on((event) => {
        if (event.type !== 'message' || !texts.includes(event.text ?? '')) return;
        events.push(event);
        if (events.length < texts.length) return;
        listener.off();
        resolve(events);
      });
    });
    const what = `the arrival of ${texts.length} messages`;
    return within(this.#context.io.clock, REQUEST_TIMEOUT_MS, what, enough);
  }
}

/** Runs the tour; exit code 0 only when everything was as it should be. */
export async function runTour(context: CommandContext): Promise<number> {
  // One login on each node, so that the messages really cross the mesh.
  const stage = await Stage.open(context, ['--balance', 'least-connections']);
  try {
    await new Tour(context, stage).run();
    await context.out.line('\nNothing was lost, nothing came twice, everything in order.');
    return EXIT.ok;
  } catch (cause) {
    context.out.fail(cause);
    return FAILED;
  } finally {
    await stage.close();
  }
}
