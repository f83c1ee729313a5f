/** Gates over links in memory, with clients that speak the wire and users that are fakes. */
import type { Gate } from '../../../src/actors/balancer/messages.ts';
import { createVirtualHost } from '../../../src/actors/runtime/virtual-host.ts';
import type { RegistrationMode } from '../../../src/actors/session/phases.ts';
import { signDeviceProof } from '../../../src/crypto/proofs.ts';
import { createTransparentPasswordClient } from '../../../src/crypto/opening/transparent-password-client.ts';
import { createTransparentPasswordServer } from '../../../src/crypto/transparent-password-server.ts';
import { createTransparentVerifyingSuite } from '../../../src/crypto/transparent-suite.ts';
import type { ClientLink } from '../../../src/net/client-link.ts';
import { MemoryLinks } from '../../../src/net/memory-links.ts';
import { ClientGate } from '../../../src/node/gate.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { REFUSAL_TAG, REPLY_TAG, clientCalls, push } from '../../../src/protocol/client-calls.ts';
import type {
  ClientCallName,
  ClientReply,
  ClientRequest,
  Placement,
  Push,
} from '../../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../../src/protocol/codec.ts';
import { FastChatError, invariant } from '../../../src/protocol/errors.ts';
import type { ErrorCode } from '../../../src/protocol/errors.ts';
import { parseDeviceId, parseNodeId, parseUserId } from '../../../src/protocol/ids.ts';
import type { DeviceId, UserId } from '../../../src/protocol/ids.ts';
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.ts';
import type { Limits } from '../../../src/protocol/limits.ts';
import { FakeGroups } from './fake-groups.ts';
import { FakeUsers } from './fake-users.ts';

export interface GateNode {
  readonly gate: ClientGate;
  /** As the balancer would name it. */
  readonly address: Gate;
}

interface NodeSettings {
  readonly registration?: RegistrationMode;
  readonly limits?: Partial<Limits>;
}

export interface DeviceKeys {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

const TOKENS = { previous: new Uint8Array(16), next: new Uint8Array(16) };

/** Of virtual time: longer than anything that a gate waits for. */
const WAIT_MS_MAX = 20_000;

export class GateWorld {
  readonly clock = new VirtualClock();
  readonly random = seededRandom(11);
  readonly links = new MemoryLinks({ clock: this.clock, random: this.random });
  readonly suite = createTransparentVerifyingSuite(this.random);
  readonly clusterKeys = this.suite.signKeyPair();
  readonly fingerprint = new Uint8Array(32).fill(1);
  readonly users = new FakeUsers();
  readonly groups = new FakeGroups();
  readonly passwords = createTransparentPasswordServer('setup', this.random);
  readonly passwordClient = createTransparentPasswordClient(this.random);
  /** Where the balancer sends the next logins; undefined: nowhere. */
  placement: Gate | undefined;
  readonly nodes: GateNode[] = [];

  async addNode(name: string, settings: NodeSettings = {}): Promise<GateNode> {
    const { clock, random, suite, passwords, clusterKeys, fingerprint } = this;
    const here = { node: parseNodeId(name), bootId: this.random.bytes(16) };
    const gate = await ClientGate.open({
      network: this.links.at(name, fingerprint),
      host: name,
      port: 0,
      actors: createVirtualHost({ clock, log: silentLog, random }),
      courier: this.users,
      placer: { place: (done) => done(this.placement) },
      groups: this.groups,
      here,
      clock,
      random,
      log: silentLog,
      suite,
      passwords,
      clusterKeys,
      fingerprint,
      registration: settings.registration ?? 'open',
      stretching: 'weak',
      limits: { ...DEFAULT_LIMITS, ...settings.limits },
      gates: () => this.nodes.map(({ address: { node, host, port } }) => ({ node, host, port })),
      onSessions: () => undefined,
    });
    const address: Gate = {
      ...here,
      host: name,
      port: gate.port,
      get nowMs() {
        return clock.now();
      },
    };
    const node = { gate, address };
    this.nodes.push(node);
    this.placement ??= node.address;
    return node;
  }

  /** Lets the clock run until `promise` is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const outcome = { isSettled: false };
    const settle = (): void => {
      outcome.isSettled = true;
    };
    promise.then(settle, settle);
    for (let ms = 0; ms < WAIT_MS_MAX && !outcome.isSettled; ms += 1) await this.clock.advance(1);
    if (!outcome.isSettled) throw new Error(`nothing came within ${WAIT_MS_MAX} ms`);
    return promise;
  }

  async dial(node: GateNode, from = 'client'): Promise<TestClient> {
    const { host, port } = node.address;
    const client = new TestClient(this);
    const target = { host, port, fingerprint: this.fingerprint };
    const dialling = this.links.at(from).dial(target, client.events());
    client.link = (await this.until(dialling)).link;
    client.hello = await client.call({
      type: 'hello',
      versionMin: 1,
      versionMax: 1,
      agent: 'test',
    });
    return client;
  }

  /** A client that has registered `name` and is attached. */
  async loggedIn(node: GateNode, name: string): Promise<TestClient> {
    const client = await this.dial(node, name);
    await client.register(name, 'secret');
    await client.deviceLogin();
    return client;
  }
}

/** What a client of a test needs of its world. */
export type ClientWorld = Pick<GateWorld, 'suite' | 'passwordClient' | 'fingerprint' | 'until'>;

/** The public keys of somebody whose messages are opened. */
export interface AccountKeys {
  readonly identity: Uint8Array;
  readonly box: {
    readonly epoch: number;
    readonly publicKey: Uint8Array;
    readonly signature: Uint8Array;
  };
}

const NO_KEYS: AccountKeys = {
  identity: new Uint8Array(32),
  box: { epoch: 1, publicKey: new Uint8Array(32), signature: new Uint8Array(64) },
};

export class TestClient {
  readonly pushes: Push[] = [];
  readonly frames: number[] = [];
  closed: string | undefined;
  link: ClientLink | undefined;
  hello: ClientReply<'hello'> | undefined;
  keys: DeviceKeys;
  user: UserId = parseUserId('nobody');
  device: DeviceId = parseDeviceId(1);
  readonly #world: ClientWorld;
  readonly #open = new Map<number, (raw: readonly unknown[]) => void>();
  #lastId = 0;

  constructor(world: ClientWorld) {
    this.#world = world;
    this.keys = world.suite.signKeyPair();
  }

  events(): Parameters<ReturnType<MemoryLinks['at']>['dial']>[1] {
    return {
      onFrame: (frame) => this.#receive(frame),
      onWritable: () => undefined,
      onClose: (reason) => {
        this.closed = reason ?? 'in order';
      },
    };
  }

  /** Sends one frame of several calls; resolves with what came back for each. */
  batch(requests: readonly ClientRequest[]): Promise<ReadonlyArray<readonly unknown[]>> {
    const items = requests.map((request) => {
      this.#lastId += 1;
      return { id: this.#lastId, request };
    });
    const answers = items.map(
      ({ id }) =>
        new Promise<readonly unknown[]>((resolve) => {
          this.#open.set(id, resolve);
        }),
    );
    this.send(encodeRaw(items.map(({ id, request }) => clientCalls.packRequest(id, request))));
    return this.#world.until(Promise.all(answers));
  }

  send(frame: Uint8Array): void {
    invariant(this.link !== undefined, 'the client is connected');
    this.link.send(frame);
  }

  /** @throws the refusal */
  async call<K extends ClientCallName>(
    request: Extract<ClientRequest, { type: K }>,
  ): Promise<ClientReply<K>> {
    const [raw] = await this.batch([request]);
    invariant(raw !== undefined, 'one call, one answer');
    if (raw[0] === REPLY_TAG) return clientCalls.parseReply<K>(request.type, raw, 2);
    throw new FastChatError(raw[2] as ErrorCode, raw[3] as string, {
      retryAfterMs: raw[4] as number | undefined,
    });
  }

  async register(
    name: string,
    password: string,
    invitation?: string,
    keys: AccountKeys = NO_KEYS,
  ): Promise<void> {
    const { passwordClient } = this.#world;
    this.user = parseUserId(name);
    const { user } = this;
    const started = await passwordClient.startRegistration(password);
    const { response } = await this.call({ type: 'registerStart', user, request: started.request });
    const { record } = await passwordClient.finishRegistration(
      password,
      started.state,
      response,
      'weak',
    );
    const blob = new Uint8Array(8);
    const { device } = await this.call({
      type: 'registerFinish',
      user,
      record,
      ...keys,
      vault: { version: 1, vault: blob, passwordWrap: blob, recoveryWrap: blob },
      device: { publicKey: this.keys.publicKey, name: 'test', token: new Uint8Array(16) },
      invitation,
    });
    this.device = device;
  }

  proof(keys: DeviceKeys = this.keys): Extract<ClientRequest, { type: 'deviceLogin' }>['proof'] {
    invariant(this.hello !== undefined, 'hello was answered');
    const { nonce, node, bootId } = this.hello;
    const { suite, fingerprint } = this.#world;
    const { user, device } = this;
    const context = { nonce, node, bootId, fingerprint, user, device };
    return { device, signature: signDeviceProof(suite, context, keys.privateKey), tokens: TOKENS };
  }

  deviceLogin(): Promise<Placement> {
    const { user } = this;
    return this.call({ type: 'deviceLogin', user, proof: this.proof(), replacement: undefined });
  }

  async passwordLogin(password: string): Promise<Placement> {
    const { passwordClient } = this.#world;
    const started = await passwordClient.startLogin(password);
    const { user } = this;
    const { response } = await this.call({ type: 'loginStart', user, request: started.request });
    const finished = await passwordClient.finishLogin(password, started.state, response, 'weak');
    // A client with a wrong password has nothing to finish with; a hostile one sends something all the same.
    const finish = finished?.finish ?? new Uint8Array(64);
    return this.call({ type: 'loginFinish', finish, newDevice: undefined, proof: this.proof() });
  }

  ticketLogin(ticket: Uint8Array): Promise<Placement> {
    return this.call({ type: 'ticketLogin', ticket, proof: this.proof() });
  }

  #receive(frame: Uint8Array): void {
    const items = decodeRaw(Uint8Array.from(frame)) as ReadonlyArray<readonly unknown[]>;
    this.frames.push(items.length);
    for (const item of items) {
      if (item[0] !== REPLY_TAG && item[0] !== REFUSAL_TAG) this.pushes.push(push.parse(item));
      else this.#open.get(item[1] as number)?.(item);
    }
  }
}
