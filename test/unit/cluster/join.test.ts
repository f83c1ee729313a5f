import { expect } from 'chai';
import { Admission } from '../../../src/cluster/admission.ts';
import { joinCluster } from '../../../src/cluster/join.ts';
import { openGrant, proveJoin, sealGrant } from '../../../src/cluster/join-crypto.ts';
import { formatJoinToken, newJoinSecret, parseJoinToken } from '../../../src/cluster/join-token.ts';
import type { JoinToken } from '../../../src/cluster/join-token.ts';
import { member as memberRecord } from '../../../src/cluster/members.ts';
import { MemoryCoordinatorService } from '../../../src/cluster/memory-coordinator.ts';
import { MemoryLinks } from '../../../src/net/memory-links.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { REFUSAL_TAG, REPLY_TAG } from '../../../src/protocol/client-calls.ts';
import { decodeRaw, encode, encodeRaw } from '../../../src/protocol/codec.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { joinCalls } from '../../../src/protocol/join-frames.ts';
import {
  HELLO_FRAME_BYTES_MAX,
  JOIN_CHALLENGE_LIFETIME_MS,
  JOIN_CHALLENGES_MAX,
} from '../../../src/protocol/limits.ts';
import { runOn } from './support/run-on.ts';
import { memberOf } from './support/test-cluster.ts';

const FINGERPRINT = new Uint8Array(32).fill(9);
const KEYS = Uint8Array.from({ length: 400 }, (_, index) => index & 0xff);
const N1 = memberOf('n1', 0);
const N2 = memberOf('n2', 1);

describe('joining', () => {
  let clock: VirtualClock;
  let links: MemoryLinks;
  let admission: Admission;
  let token: JoinToken;
  const random = seededRandom(3);

  beforeEach(async () => {
    clock = new VirtualClock({ seed: 2 });
    links = new MemoryLinks({ clock, random });
    const coordinator = new MemoryCoordinatorService({ clock, shards: 4 }).seenBy(N1.node);
    await runOn(clock, coordinator.join(N1));
    const secret = newJoinSecret(random);
    admission = new Admission({
      clusterId: new Uint8Array(16).fill(7),
      keys: () => KEYS,
      coordinatorNode: N1.node,
      coordinator,
      secret,
      clock,
      random,
      log: silentLog,
    });
    // A gate that knows nothing but the join calls.
    const gate = links.at('gate', FINGERPRINT);
    const listener = await runOn(
      clock,
      gate.listen({
        host: 'gate',
        port: 0,
        onLink: (link) => ({
          onFrame: (frame) => {
            const [item] = decodeRaw(frame) as unknown[][];
            void admission.answer(item ?? []).then((reply) => link.send(encodeRaw([reply])));
          },
          onWritable: () => undefined,
          onClose: () => undefined,
        }),
      }),
    );
    token = { gateHost: 'gate', gatePort: listener.port, fingerprint: FINGERPRINT, secret };
  });

  const knock = (with_: JoinToken = token, member = N2) =>
    runOn(clock, joinCluster({ network: links.at('newcomer'), clock, random }, with_, member));
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (cause: unknown) => asFastChatError(cause).code,
    );

  it('gives the view with the new member in it, the keys, the cluster and its coordinator', async () => {
    const grant = await knock();
    expect(grant.view.members).to.deep.equal([N1, N2]);
    expect(grant.keys).to.deep.equal(KEYS);
    expect(grant.clusterId).to.deep.equal(new Uint8Array(16).fill(7));
    expect(grant.coordinator).to.equal('n1');
  });

  it('lets the same node in again, and refuses another one of its name', async () => {
    await knock();
    await knock();
    const imposter = { ...N2, curveKey: new Uint8Array(32).fill(77) };
    expect(await codeOf(knock(token, imposter))).to.equal('E_NAME_TAKEN');
  });

  it('refuses another secret, and the old one after a rotation', async () => {
    expect(await codeOf(knock({ ...token, secret: newJoinSecret(random) }))).to.equal('E_AUTH');
    const secret = admission.rotate();
    expect(await codeOf(knock())).to.equal('E_AUTH');
    expect(await codeOf(knock({ ...token, secret }))).to.equal('none');
  });

  it('refuses to talk to another cluster than the one of the token', async () => {
    const elsewhere = { ...token, fingerprint: new Uint8Array(32) };
    expect(await codeOf(knock(elsewhere))).to.equal('E_KEY_CHANGED');
    expect(await codeOf(knock({ ...token, gatePort: 1 }))).to.equal('E_UNREACHABLE');
  });

  async function start(): Promise<Uint8Array> {
    const request = { type: 'joinStart', node: N2.node, nonce: new Uint8Array(32) } as const;
    const [tag, id, nonce] = await admission.answer(joinCalls.packRequest(5, request));
    expect([tag, id]).to.deep.equal([REPLY_TAG, 5]);
    return nonce as Uint8Array;
  }

  async function finish(nonce: Uint8Array, member = N2, proven = member): Promise<unknown[]> {
    const encoded = encode(memberRecord, member);
    const nonces = { joining: new Uint8Array(32), cluster: nonce };
    const proof = proveJoin(token.secret, nonces, encode(memberRecord, proven));
    const request = joinCalls.packRequest(6, { type: 'joinFinish', nonce, member: encoded, proof });
    expect(encodeRaw([request]).length).to.be.below(HELLO_FRAME_BYTES_MAX);
    return runOn(clock, admission.answer(request));
  }

  it('takes a challenge once, while it lives, for the name it was asked for', async () => {
    const used = await start();
    expect((await finish(used))[0]).to.equal(REPLY_TAG);
    expect((await finish(used)).slice(0, 3)).to.deep.equal([REFUSAL_TAG, 6, 'E_AUTH']);
    const late = await start();
    await clock.advance(JOIN_CHALLENGE_LIFETIME_MS + 1);
    expect((await finish(late))[2]).to.equal('E_AUTH');
    expect((await finish(await start(), memberOf('n3', 2)))[2]).to.equal('E_AUTH');
  });

  it('covers the whole member record with the proof', async () => {
    const other = { ...N2, meshEndpoint: 'tcp://6.6.6.6:6' };
    expect((await finish(await start(), other, N2))[2]).to.equal('E_AUTH');
  });

  it('keeps at most JOIN_CHALLENGES_MAX challenges', async () => {
    const oldest = await start();
    for (let index = 0; index < JOIN_CHALLENGES_MAX; index += 1) await start();
    expect((await finish(oldest))[2]).to.equal('E_AUTH');
    expect((await finish(await start()))[0]).to.equal(REPLY_TAG);
  });

  it('answers garbage by a refusal', async () => {
    for (const raw of [[], [200], [200, 1, 'n2'], [201, 1, 2, 3, 4], [7, 1]])
      expect((await admission.answer(raw)).slice(0, 3)).to.deep.equal([
        REFUSAL_TAG,
        raw[1] ?? 0,
        'E_BAD_FRAME',
      ]);
  });

  it('opens a grant only with the same secret and nonces, and only unchanged', () => {
    const nonces = { joining: new Uint8Array(32).fill(1), cluster: new Uint8Array(32).fill(2) };
    const sealed = sealGrant(token.secret, nonces, KEYS);
    expect(openGrant(token.secret, nonces, sealed)).to.deep.equal(KEYS);
    const open = (secret: Uint8Array, given: typeof nonces, bytes: Uint8Array) => () =>
      openGrant(secret, given, bytes);
    const flipped = sealed.with(5, (sealed[5] ?? 0) ^ 1);
    expect(open(newJoinSecret(random), nonces, sealed)).to.throw('token');
    expect(open(token.secret, { ...nonces, cluster: nonces.joining }, sealed)).to.throw('token');
    expect(open(token.secret, nonces, flipped)).to.throw('token');
    expect(open(token.secret, nonces, new Uint8Array(3))).to.throw('token');
  });
});

describe('the join token', () => {
  const token: JoinToken = {
    gateHost: '127.0.0.1',
    gatePort: 7400,
    fingerprint: FINGERPRINT,
    secret: newJoinSecret(seededRandom(1)),
  };

  it('is one line that reads back, with or without white space around it', () => {
    const line = formatJoinToken(token);
    expect(line).to.match(/^[\w.-]+$/);
    expect(parseJoinToken(`\n ${line}\r\n`)).to.deep.equal(token);
  });

  it('says what is wrong with a line that is none', () => {
    const line = formatJoinToken(token);
    for (const text of [
      '',
      'hello',
      '{}',
      `${line}=`,
      line.slice(0, -4),
      `${line}AAAA`,
      'fastchat-join-1.',
    ])
      expect(() => parseJoinToken(text), text)
        .to.throw('join token')
        .with.property('code', 'E_CONFIG');
  });
});
