/** JSON-RPC as the contract promises it: shapes, events, order, idempotency, devices, and whatever comes in on stdin. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { LAUNCHER, Rpc, RpcFailure, run, temporaryFolder } from '../support/processes.ts';
import type { RpcEvent } from '../support/processes.ts';
import { MESSAGE, expectEvent, expectShape } from '../support/shapes.ts';

const password = 'correct horse battery';

const texts = (messages: readonly any[]): string[] => messages.map(({ text }) => String(text));
const ids = (messages: readonly any[]): string[] => messages.map(({ id }) => String(id));

describe('the contract of JSON-RPC', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const opened: Rpc[] = [];
  let cluster: DevCluster;
  let rpc: Rpc;
  let laptop: Rpc;
  let phone: Rpc;

  const open = (home: string): Rpc => {
    const process = new Rpc({ home: `${folder.path}/${home}`, url: cluster.url });
    opened.push(process);
    return process;
  };

  /** Registers accounts and logs them in, one after the other. */
  const arrive = async (at: Rpc, ...accounts: readonly string[]): Promise<void> => {
    for (const account of accounts) {
      await at.call('register', { account, password });
      await at.call('login', { account, password });
    }
  };

  const send = (at: Rpc, account: string, to: string, text: string, more = {}): Promise<any> =>
    at.call('send', { account, to, text, ...more });

  const message =
    (account: string, text: string) =>
    (event: RpcEvent): boolean =>
      event.type === 'message' && event.account === account && event['text'] === text;

  const receipt =
    (account: string, id: string, state: string) =>
    (event: RpcEvent): boolean =>
      event.type === 'receipt' &&
      event.account === account &&
      event['id'] === id &&
      event['state'] === state;

  /** Runs `rpc` over the bytes of one stdin, to its end. */
  const pipe = (
    home: string,
    input: string | Buffer,
  ): Promise<{ code: number | null; answers: any[]; stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn(
        process.execPath,
        [LAUNCHER, 'rpc', '--home', `${folder.path}/${home}`, '--server', cluster.url],
        { stdio: ['pipe', 'pipe', 'pipe'] },
      );
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.stdin.on('error', () => undefined);
      child.once('close', (code) => {
        const lines = stdout.split('\n').filter((line) => line !== '');
        const answers = lines
          .map((line) => JSON.parse(line))
          .filter(({ method }) => method !== 'event');
        resolve({ code, answers, stderr });
      });
      child.stdin.end(input);
    });

  const request = (id: unknown, method: string, params: unknown): string =>
    JSON.stringify({ jsonrpc: '2.0', id, method, params });

  before(async () => {
    cluster = await startDevCluster({ nodes: 2 });
    [rpc, laptop, phone] = [open('main'), open('laptop'), open('phone')];
    opened.length = 0;
    await arrive(rpc, 'ann', 'ben', 'cat');
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.end()));
  });

  after(async () => {
    await Promise.all(opened.map((each) => each.kill('SIGKILL')));
    await Promise.all([rpc, laptop, phone].map((each) => each?.end()));
    await cluster?.stop();
    folder.remove();
  });

  describe('results', () => {
    it('register and login: exactly their fields, the account with its @ and folded', async () => {
      const at = rpc;
      const registered = await at.call('register', { account: 'Shape.One', password });
      expectShape(registered, { account: 'string', fingerprint: 'string' });
      expect(registered.account).to.equal('@shape.one');
      expect(registered.fingerprint).to.not.equal('');
      const entered = await at.call('login', { account: '@SHAPE.one', password });
      expectShape(entered, { account: 'string', node: 'string', pending: 'number' });
      expect(entered.account).to.equal('@shape.one');
      expect(entered.node).to.be.oneOf(cluster.nodes.map(({ ready }) => ready.node));
      expect(entered.pending).to.equal(0);
    });

    it('takes every account with and without its @', async () => {
      const [plain, at] = await Promise.all([
        send(rpc, 'ann', '@ben', 'without a sigil'),
        send(rpc, '@ann', '@ben', 'with a sigil'),
      ]);
      for (const result of [plain, at]) expect(result.conversation).to.equal('@ben');
      for (const account of ['ann', '@ann', 'ANN'])
        expect(await rpc.call('presence', { account, user: 'ben' })).to.have.property(
          'user',
          '@ben',
        );
      await rpc.event(message('@ben', 'with a sigil'));
    });

    it('send: exactly its fields; seq and time make sense', async () => {
      const earliest = Date.now();
      const sent = await send(rpc, 'ann', '@ben', 'shape of send');
      const latest = Date.now();
      expectShape(sent, {
        id: 'string',
        conversation: 'string',
        seq: 'number',
        timestamp: 'number',
        state: 'string',
      });
      expect(sent.conversation).to.equal('@ben');
      expect(sent.state).to.be.oneOf(['stored', 'delivered', 'read']);
      expect(sent.seq).to.satisfy(Number.isSafeInteger);
      expect(sent.timestamp).to.be.within(earliest, latest);
      const delivered = await send(rpc, 'ann', '@ben', 'waited for', { wait: 'delivered' });
      expect(delivered.state).to.equal('delivered');
      expect(delivered.seq).to.be.greaterThan(sent.seq);
      expect(delivered.id).to.not.equal(sent.id);
    });

    it('conversations, history and search: exactly their fields', async () => {
      await send(rpc, 'cat', '@ben', 'shape of history', { wait: 'delivered' });
      const conversations = await rpc.call('conversations', { account: 'ben' });
      for (const conversation of conversations)
        expectShape(conversation, {
          conversation: 'string',
          unread: 'number',
          lastTimestamp: 'number',
        });
      expect(
        conversations.map((each: { conversation: string }) => each.conversation),
      ).to.include.members(['@ann', '@cat']);
      const history = await rpc.call('history', { account: 'ben', conversation: '@cat' });
      const found = await rpc.call('search', { account: 'ben', query: 'shape of history' });
      expect(history).to.have.length(1);
      expect(found).to.have.length(1);
      for (const each of [...history, ...found]) expectShape(each, MESSAGE, ['state']);
      expect(history[0]).to.include({ conversation: '@cat', from: '@cat' });
      expect(found).to.deep.equal(history);
    });

    it('contacts, presence, fingerprint, verify, devices: exactly their fields', async () => {
      const account = 'cat';
      expect(await rpc.call('contact.add', { account, user: '@ann' })).to.deep.equal({});
      const [contact, ...others] = await rpc.call('contact.list', { account });
      expect(others).to.deep.equal([]);
      expectShape(contact, {
        user: 'string',
        online: 'boolean',
        lastSeen: 'number',
        verified: 'boolean',
        blocked: 'boolean',
      });
      expect(contact).to.include({ user: '@ann', online: true, verified: false, blocked: false });
      const presence = await rpc.call('presence', { account, user: '@ann' });
      expectShape(presence, { user: 'string', online: 'boolean', lastSeen: 'number' });
      const known = await rpc.call('fingerprint', { account, user: '@ann' });
      expectShape(known, { user: 'string', fingerprint: 'string', verified: 'boolean' });
      expect(known).to.include({ user: '@ann', verified: false });
      const [device, ...moreDevices] = await rpc.call('devices', { account });
      expect(moreDevices).to.deep.equal([]);
      expectShape(device, {
        device: 'number',
        name: 'string',
        lastSeen: 'number',
        current: 'boolean',
      });
      expect(device.current).to.equal(true);
      expect(await rpc.call('contact.remove', { account, user: '@ann' })).to.deep.equal({});
      expect(await rpc.call('contact.list', { account })).to.deep.equal([]);
    });

    it('errors: the code for programs, a text for people, whether to try again', async () => {
      const failures = await Promise.allSettled([
        rpc.call('login', { account: 'nobody-at-all', password: 'Xsecret-passwordX' }),
        rpc.call('register', { account: 'ann', password: 'Xsecret-passwordX' }),
        rpc.call('send', { account: 'ann', to: '@nobody-at-all', text: 'x' }),
        rpc.call('send', { account: 'stranger', to: '@ann', text: 'x' }),
        rpc.call('password', { account: 'ann', old: 'Xsecret-passwordX', new: 'Xother-secretX' }),
      ]);
      const seen = failures.map((outcome) => {
        if (outcome.status === 'fulfilled') throw new Error('should have been refused');
        const { error } = outcome.reason as RpcFailure;
        expect(error.code).to.equal(-32000);
        expect(error.message)
          .to.be.a('string')
          .and.not.match(/secret/);
        expect(error.data?.retry).to.be.oneOf(['never', 'later', 'now']);
        return error.data?.code;
      });
      expect(seen).to.deep.equal([
        'E_AUTH',
        'E_NAME_TAKEN',
        'E_NO_SUCH_USER',
        'E_NOT_LOGGED_IN',
        'E_AUTH',
      ]);
    });

    it('needs a session for everything but register and login', async () => {
      await rpc.call('register', { account: 'sleeper', password });
      const account = 'sleeper';
      for (const [method, params] of [
        ['send', { to: '@ann', text: 'x' }],
        ['conversations', {}],
        ['history', { conversation: '@ann' }],
        ['search', { query: 'x' }],
        ['markRead', { conversation: '@ann', id: 'x' }],
        ['contact.list', {}],
        ['contact.add', { user: '@ann' }],
        ['contact.remove', { user: '@ann' }],
        ['contact.block', { user: '@ann' }],
        ['contact.unblock', { user: '@ann' }],
        ['presence', { user: '@ann' }],
        ['fingerprint', { user: '@ann' }],
        ['verify', { user: '@ann', fingerprint: '0' }],
        ['devices', {}],
        ['revokeDevice', { device: 1 }],
      ] as const)
        expect((await rpc.refusal(method, { account, ...params })).code, method).to.equal(
          'E_NOT_LOGGED_IN',
        );
    });
  });

  describe('events', () => {
    it('message and receipts: exactly their fields, each told once', async () => {
      const sent = await send(rpc, 'ann', '@ben', 'told once', { wait: 'delivered' });
      await rpc.call('markRead', { account: 'ben', conversation: '@ann', id: sent.id });
      const read = await rpc.event(receipt('@ann', sent.id, 'read'));
      const delivered = await rpc.event(receipt('@ann', sent.id, 'delivered'));
      for (const event of [read, delivered]) {
        expectEvent(event, { id: 'string', conversation: 'string', by: 'string', state: 'string' });
        expect(event).to.include({ conversation: '@ben', by: '@ben' });
      }
      const [shown] = rpc.events.filter(message('@ben', 'told once'));
      expectEvent(shown!, MESSAGE);
      expect(shown).to.include({
        id: sent.id,
        conversation: '@ann',
        from: '@ann',
        timestamp: sent.timestamp,
      });
      await send(rpc, 'ann', '@ben', 'a later one', { wait: 'delivered' });
      for (const matches of [
        message('@ben', 'told once'),
        receipt('@ann', sent.id, 'read'),
        receipt('@ann', sent.id, 'delivered'),
      ])
        expect(rpc.events.filter(matches)).to.have.length(1);
      const [kept] = await rpc.call('search', { account: 'ben', query: 'told once' });
      expect(kept.seq, 'the event and the history agree').to.equal(shown!['seq']);
    });

    it('a message is not an event of its own sender', async () => {
      await send(rpc, 'ann', '@ben', 'no echo', { wait: 'delivered' });
      expect(rpc.events.filter(message('@ann', 'no echo'))).to.deep.equal([]);
    });

    it('state: connected with the node of the login, then not connected', async () => {
      const at = rpc;
      const state = (wanted: boolean) => (event: RpcEvent) =>
        event.type === 'state' && event.account === '@sue' && event['connected'] === wanted;
      await at.call('register', { account: 'sue', password });
      const { node } = await at.call('login', { account: 'sue', password });
      const up = await at.event(state(true));
      expect(up).to.deep.equal({ account: '@sue', type: 'state', connected: true, node });
      expect(await at.call('logout', { account: 'sue' })).to.deep.equal({});
      const down = await at.event(state(false));
      expect(Object.keys(down).sort()).to.deep.equal(['account', 'connected', 'node', 'type']);
    });

    it('presence of a contact: online, offline, and offline after kill -9', async () => {
      const at = open('presence');
      const watcher = open('watcher');
      await at.call('register', { account: 'pam', password });
      await arrive(watcher, 'wes');
      await watcher.call('contact.add', { account: 'wes', user: '@pam' });
      const before = await watcher.call('presence', { account: 'wes', user: '@pam' });
      expect(before.online).to.equal(false);
      const presence = (online: boolean) => (event: RpcEvent) =>
        event.type === 'presence' && event['user'] === '@pam' && event['online'] === online;

      await at.call('login', { account: 'pam', password });
      const came = await watcher.event(presence(true));
      expectEvent(came, { user: 'string', online: 'boolean' });
      expect(came.account).to.equal('@wes');
      watcher.events.length = 0;
      const moment = Date.now();
      await at.call('logout', { account: 'pam' });
      await watcher.event(presence(false));
      const gone = await watcher.call('presence', { account: 'wes', user: '@pam' });
      expect(gone.online).to.equal(false);
      expect(gone.lastSeen).to.be.within(moment - 1000, Date.now());

      watcher.events.length = 0;
      await at.call('login', { account: 'pam', password });
      await watcher.event(presence(true));
      watcher.events.length = 0;
      await at.kill('SIGKILL');
      await watcher.event(presence(false));
      expect((await watcher.call('contact.list', { account: 'wes' }))[0]).to.include({
        user: '@pam',
        online: false,
      });
    });

    it('presence tells changes, not every question', async () => {
      const at = rpc;
      await arrive(at, 'quincy', 'quentin');
      await at.call('contact.add', { account: 'quincy', user: '@quentin' });
      for (let round = 0; round < 5; round += 1) {
        await at.call('presence', { account: 'quincy', user: '@quentin' });
        await at.call('contact.list', { account: 'quincy' });
        await at.call('contact.add', { account: 'quincy', user: '@quentin' });
      }
      await send(at, 'quentin', '@quincy', 'the end', { wait: 'delivered' });
      await at.event(message('@quincy', 'the end'));
      const told = at.events.filter(({ type, user }) => type === 'presence' && user === '@quentin');
      expect(told.length, 'one at most: nobody came or went').to.be.at.most(1);
    });

    it('a person with two devices is online until the last one leaves', async () => {
      const [one, two, watcher] = [rpc, laptop, phone];
      await arrive(one, 'pia');
      await two.call('login', { account: 'pia', password });
      await arrive(watcher, 'wim');
      await watcher.call('contact.add', { account: 'wim', user: '@pia' });
      await one.call('logout', { account: 'pia' });
      expect(await watcher.call('presence', { account: 'wim', user: '@pia' })).to.include({
        online: true,
      });
      await two.call('logout', { account: 'pia' });
      await watcher.event(
        ({ type, user, online }) => type === 'presence' && user === '@pia' && online === false,
      );
      expect(await watcher.call('presence', { account: 'wim', user: '@pia' })).to.include({
        online: false,
      });
    });
  });

  describe('reading', () => {
    it('counts unread messages, and markRead lowers the count as far as it says', async () => {
      const at = rpc;
      await arrive(at, 'uma', 'ulf');
      const unread = async (): Promise<number> =>
        (await at.call('conversations', { account: 'uma' }))[0].unread;
      const sent: any[] = [];
      for (const text of ['one', 'two', 'three'])
        sent.push(await send(at, 'ulf', '@uma', text, { wait: 'delivered' }));
      expect(await unread()).to.equal(3);
      const [conversation] = await at.call('conversations', { account: 'uma' });
      expect(conversation).to.deep.equal({
        conversation: '@ulf',
        unread: 3,
        lastTimestamp: sent[2].timestamp,
      });
      const mark = (index: number): Promise<unknown> =>
        at.call('markRead', { account: 'uma', conversation: '@ulf', id: sent[index].id });
      expect(await mark(1)).to.deep.equal({});
      expect(await unread()).to.equal(1);
      await mark(0);
      expect(await unread(), 'an earlier mark changes nothing').to.equal(1);
      await mark(2);
      expect(await unread()).to.equal(0);
      await mark(2);
      expect(await unread()).to.equal(0);
      expect(
        (await at.call('conversations', { account: 'ulf' }))[0].unread,
        'what one wrote oneself is never unread',
      ).to.equal(0);
      expect(
        (
          await at.refusal('markRead', {
            account: 'uma',
            conversation: '@ulf',
            id: 'no-such-message',
          })
        ).code,
      ).to.match(/^E_/);
    });

    it('pages history backwards without a gap or a repeat, oldest first', async () => {
      const at = rpc;
      await arrive(at, 'pat', 'pol');
      const all: string[] = [];
      for (let index = 0; index < 23; index += 1) {
        const [from, to] = index % 3 === 0 ? ['pol', '@pat'] : ['pat', '@pol'];
        await send(at, from, to, `page ${index}`, { wait: 'delivered' });
        all.push(`page ${index}`);
      }
      const query = { account: 'pat', conversation: '@pol' };
      expect(texts(await at.call('history', query))).to.deep.equal(all);
      let before: string | undefined;
      let pages: any[] = [];
      for (;;) {
        const page = await at.call('history', {
          ...query,
          limit: 7,
          ...(before === undefined ? {} : { before }),
        });
        if (page.length === 0) break;
        expect(page.length).to.be.at.most(7);
        pages = [...page, ...pages];
        before = page[0].id;
      }
      expect(texts(pages)).to.deep.equal(all);
      expect(pages.map(({ seq }) => seq)).to.deep.equal(all.map((_, index) => index + 1));
      expect(new Set(pages.map(({ conversation }) => conversation))).to.deep.equal(
        new Set(['@pol']),
      );
      expect(texts(await at.call('history', { ...query, limit: 1 }))).to.deep.equal(['page 22']);
      expect(
        await at.call('history', { account: 'pat', conversation: '@never-wrote' }),
      ).to.deep.equal([]);
      for (const limit of [0, -1, 1.5, '5'])
        expect((await at.refusal('history', { ...query, limit })).code).to.match(/E_USAGE|-32602/);
    });

    it('gives a message one seq in every answer, under crossing traffic', async () => {
      const at = rpc;
      await arrive(at, 'cid', 'coy');
      const sends = Array.from({ length: 100 }, (_, index) =>
        index % 2 === 0
          ? send(at, 'cid', '@coy', `cross ${index}`)
          : send(at, 'coy', '@cid', `cross ${index}`),
      );
      const results = await Promise.all(sends);
      await at.eventCount(100, ({ type }) => type === 'message');
      for (const [account, peer, parity] of [
        ['cid', '@coy', 0],
        ['coy', '@cid', 1],
      ] as const) {
        const history = await at.call('history', { account, conversation: peer, limit: 1000 });
        expect(history.map(({ seq }: any) => seq)).to.deep.equal(
          Array.from({ length: 100 }, (_, index) => index + 1),
        );
        const seqs = new Map(history.map(({ id, seq }: any) => [id, seq]));
        for (const [index, sent] of results.entries())
          if (index % 2 === parity) expect(seqs.get(sent.id), sent.id).to.equal(sent.seq);
        for (const event of at.messages(`@${account}`))
          expect(seqs.get(event['id']), String(event['text'])).to.equal(event['seq']);
      }
    });

    it('searches literally, in one conversation or all, up to a limit', async () => {
      const at = rpc;
      await arrive(at, 'sid', 'sol', 'sam');
      const needles = ['a.*b (literally) [x]', 'größe 你好 🦊 needle', '100% \\ "quoted"'];
      for (const text of needles) await send(at, 'sol', '@sid', text, { wait: 'delivered' });
      await send(at, 'sam', '@sid', 'another needle', { wait: 'delivered' });
      await send(at, 'sid', '@sam', 'my own needle', { wait: 'delivered' });
      const search = async (query: string, more = {}): Promise<string[]> =>
        texts(await at.call('search', { account: 'sid', query, ...more }));
      expect(await search('a.*b')).to.deep.equal([needles[0]]);
      expect(await search('你好')).to.deep.equal([needles[1]]);
      expect(await search('🦊')).to.deep.equal([needles[1]]);
      expect(await search('\\ "quoted"')).to.deep.equal([needles[2]]);
      expect(await search('needle')).to.have.members([
        needles[1],
        'another needle',
        'my own needle',
      ]);
      expect(await search('needle', { conversation: '@sam' })).to.have.members([
        'another needle',
        'my own needle',
      ]);
      expect(await search('needle', { limit: 1 })).to.have.length(1);
      expect(await search('nobody wrote this')).to.deep.equal([]);
    });
  });

  describe('people', () => {
    it('contact lifecycle: adding twice is once; blocked, unblocked, removed', async () => {
      const at = rpc;
      await arrive(at, 'kim', 'kai');
      const list = async (): Promise<any[]> => at.call('contact.list', { account: 'kim' });
      const change = (verb: string): Promise<unknown> =>
        at.call(`contact.${verb}`, { account: 'kim', user: 'kai' });
      expect(await list()).to.deep.equal([]);
      for (const verb of ['add', 'add']) expect(await change(verb)).to.deep.equal({});
      expect((await list()).map(({ user, blocked }) => [user, blocked])).to.deep.equal([
        ['@kai', false],
      ]);
      expect(await change('block')).to.deep.equal({});
      expect((await list())[0]).to.include({ user: '@kai', blocked: true });
      expect(await change('unblock')).to.deep.equal({});
      expect((await list())[0]).to.include({ user: '@kai', blocked: false });
      expect(await change('remove')).to.deep.equal({});
      expect(await list()).to.deep.equal([]);
      await send(at, 'kai', '@kim', 'a stranger may write', { wait: 'delivered' });
    });

    it('a fingerprint is the same from every side and after a login elsewhere', async () => {
      const [here, there, elsewhere] = [rpc, laptop, phone];
      const { fingerprint } = await here.call('register', { account: 'fay', password });
      await here.call('login', { account: 'fay', password });
      await arrive(there, 'fox');
      const seen = async (at: Rpc, account: string): Promise<string> =>
        (await at.call('fingerprint', { account, user: '@fay' })).fingerprint;
      await elsewhere.call('login', { account: 'fay', password });
      expect(await seen(here, 'fay')).to.equal(fingerprint);
      expect(await seen(there, 'fox')).to.equal(fingerprint);
      expect(await seen(elsewhere, 'fay')).to.equal(fingerprint);
      const other = await here.call('fingerprint', { account: 'fay', user: '@fox' });
      expect(other.fingerprint).to.not.equal(fingerprint);
    });

    it('verify: wrong is not verified, right is; process and device change, contacts stay', async () => {
      const at = open('verify');
      await arrive(at, 'viv', 'van');
      const of = (user: string): Promise<any> => at.call('fingerprint', { account: 'viv', user });
      const right = (await of('@van')).fingerprint;
      const wrong = (await of('@viv')).fingerprint;
      const verify = (fingerprint: string): Promise<any> =>
        at.call('verify', { account: 'viv', user: '@van', fingerprint });
      expect(await verify(wrong)).to.deep.equal({ verified: false });
      expect((await of('@van')).verified).to.equal(false);
      expect(
        (await at.refusal('verify', { account: 'viv', user: '@van', fingerprint: '' })).code,
      ).to.match(/E_USAGE|-32602/);
      expect((await of('@van')).verified).to.equal(false);
      expect(await verify(right)).to.deep.equal({ verified: true });
      await at.call('contact.add', { account: 'viv', user: '@van' });
      await at.end();
      const later = open('verify');
      await later.call('login', { account: 'viv', password });
      expect(await later.call('fingerprint', { account: 'viv', user: '@van' })).to.deep.equal({
        user: '@van',
        fingerprint: right,
        verified: true,
      });
      expect((await later.call('contact.list', { account: 'viv' }))[0]).to.include({
        user: '@van',
        verified: true,
      });
      await phone.call('login', { account: 'viv', password });
      const contacts = await phone.call('contact.list', { account: 'viv' });
      expect(contacts.map(({ user }: any) => user)).to.deep.equal(['@van']);
    });
  });

  describe('sessions', () => {
    it('logout ends the session, not the account; login again is the same device', async () => {
      const at = open('again');
      await arrive(at, 'lil', 'lex');
      await at.call('logout', { account: 'lil' });
      expect((await at.refusal('send', { account: 'lil', to: '@lex', text: 'x' })).code).to.equal(
        'E_NOT_LOGGED_IN',
      );
      await send(at, 'lex', '@lil', 'while away');
      expect(await at.call('login', { account: 'lil', password })).to.include({ pending: 1 });
      await at.event(message('@lil', 'while away'));
      const again = await at.call('login', { account: 'lil', password });
      expectShape(again, { account: 'string', node: 'string', pending: 'number' });
      await send(at, 'lex', '@lil', 'after a second login', { wait: 'delivered' });
      await at.event(message('@lil', 'after a second login'));
      await at.end();
      const next = open('again');
      await next.call('login', { account: 'lil', password });
      expect(await next.call('devices', { account: 'lil' })).to.have.length(1);
      expect(
        texts(await next.call('history', { account: 'lil', conversation: '@lex' })),
      ).to.deep.equal(['while away', 'after a second login']);
      expect(at.messages('@lil').map(({ text }) => text)).to.deep.equal([
        'while away',
        'after a second login',
      ]);
    });

    it('two logins at once in an empty home make one device', async () => {
      const at = rpc;
      await arrive(at, 'ted');
      const other = laptop;
      const outcomes = await Promise.allSettled([
        other.call('login', { account: 'ted', password }),
        other.call('login', { account: 'ted', password }),
      ]);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.not.have.length(0);
      expect(await at.call('devices', { account: 'ted' })).to.have.length(2);
    });

    it('pending is exact: other receipts and own messages do not count', async () => {
      const at = rpc;
      await arrive(at, 'pip', 'pug', 'peg');
      const question = await send(at, 'pip', '@pug', 'read me later', { wait: 'delivered' });
      await at.call('logout', { account: 'pip' });
      await at.call('markRead', { account: 'pug', conversation: '@pip', id: question.id });
      expect(await at.call('login', { account: 'pip', password })).to.include({ pending: 0 });
      await at.event(receipt('@pip', question.id, 'read'));

      await at.call('logout', { account: 'pip' });
      const sent: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        await send(at, index % 2 === 0 ? 'pug' : 'peg', '@pip', `waiting ${index}`);
        sent.push(`waiting ${index}`);
      }
      expect(await at.call('login', { account: 'pip', password })).to.include({ pending: 7 });
      const shown = await at.eventCount(
        7,
        ({ type, account }) => type === 'message' && account === '@pip',
      );
      expect(texts(shown), 'in the order in which they were stored').to.deep.equal(sent);
      await send(at, 'pug', '@pip', 'the last', { wait: 'delivered' });
      await at.call('logout', { account: 'pip' });
      expect(await at.call('login', { account: 'pip', password })).to.include({ pending: 0 });
      await send(at, 'pug', '@pip', 'the very last', { wait: 'delivered' });
      expect(at.messages('@pip')).to.have.length(9);
    });

    it('wait: delivered answers when the recipient comes, and holds up nothing else', async () => {
      const at = rpc;
      await arrive(at, 'pav');
      await at.call('register', { account: 'off', password });
      const waiting = send(at, 'pav', '@off', 'are you there', { wait: 'delivered' });
      const [plain, conversations] = await Promise.all([
        send(at, 'pav', '@off', 'not waiting'),
        at.call('conversations', { account: 'pav' }),
      ]);
      expect(plain.state).to.equal('stored');
      expect(conversations).to.have.length(1);
      await at.call('login', { account: 'off', password });
      const delivered = await waiting;
      expect(delivered.state).to.equal('delivered');
      expect(delivered.seq).to.be.lessThan(plain.seq);
    });

    it('password: old refused, new opens what was kept in an empty home', async () => {
      const at = rpc;
      await arrive(at, 'pru', 'pal');
      await send(at, 'pal', '@pru', 'before the change', { wait: 'delivered' });
      await at.event(message('@pru', 'before the change'));
      const wrong = await at.refusal('password', { account: 'pru', old: 'guess', new: 'n3w' });
      expect(wrong.code).to.equal('E_AUTH');
      expect(
        await at.call('password', { account: 'pru', old: password, new: 'ñ3w pässword 🔑' }),
      ).to.deep.equal({});
      await send(at, 'pru', '@pal', 'this session goes on', { wait: 'delivered' });
      await send(at, 'pal', '@pru', 'after the change', { wait: 'delivered' });
      await at.event(message('@pru', 'after the change'));

      const empty = open('pw-2');
      expect((await empty.refusal('login', { account: 'pru', password })).code).to.equal('E_AUTH');
      await empty.call('login', { account: 'pru', password: 'ñ3w pässword 🔑' });
      await send(at, 'pal', '@pru', 'marker');
      await empty.event(message('@pru', 'marker'));
      const history = await empty.call('history', { account: 'pru', conversation: '@pal' });
      expect(texts(history.filter(({ from }: { from: string }) => from === '@pal'))).to.deep.equal([
        'before the change',
        'after the change',
        'marker',
      ]);
      expect((await at.refusal('login', { account: 'pru', password })).code).to.equal('E_AUTH');
    });

    it('password: nothing to warn about where it was changed', async () => {
      await arrive(rpc, 'pea', 'pop');
      await rpc.call('password', { account: 'pea', old: password, new: 'another' });
      await rpc.call('contact.add', { account: 'pea', user: '@pop' });
      await send(rpc, 'pop', '@pea', 'marker', { wait: 'delivered' });
      await rpc.event(message('@pea', 'marker'));
      expect(
        rpc.events.filter(({ type, account }) => type === 'warning' && account === '@pea'),
      ).to.deep.equal([]);
    });

    it('password: an empty one is no password', async () => {
      const at = rpc;
      expect((await at.refusal('register', { account: 'eli', password: '' })).code).to.match(
        /E_USAGE|-32602/,
      );
      await arrive(at, 'els');
      expect(
        (await at.refusal('password', { account: 'els', old: password, new: '' })).code,
      ).to.match(/E_USAGE|-32602/);
    });
  });

  describe('devices', () => {
    it('revokeDevice shuts one out: its session ends, it cannot come back by itself', async () => {
      const [kept, lost] = [rpc, open('dev-2')];
      await arrive(kept, 'dan', 'dot');
      await lost.call('login', { account: 'dan', password });
      const list = async (at: Rpc): Promise<any[]> => at.call('devices', { account: 'dan' });
      const mine = (await list(lost)).filter(({ current }) => current);
      expect(mine).to.have.length(1);
      const own = (await list(kept)).filter(({ current }) => current);
      expect(own).to.have.length(1);
      expect(own[0].device).to.not.equal(mine[0].device);
      expect(await list(kept)).to.have.length(2);

      const ended = lost.event(({ type, connected }) => type === 'state' && connected === false);
      expect(
        await kept.call('revokeDevice', { account: 'dan', device: mine[0].device }),
      ).to.deep.equal({});
      await ended;
      expect(
        (await lost.refusal('send', { account: 'dan', to: '@dot', text: 'x' })).code,
      ).to.be.oneOf(['E_NOT_LOGGED_IN', 'E_AUTH']);
      expect((await list(kept)).map(({ device }) => device)).to.deep.equal([own[0].device]);
      expect((await kept.refusal('revokeDevice', { account: 'dan', device: 999 })).code).to.match(
        /^E_/,
      );
      await send(kept, 'dot', '@dan', 'for the kept one only', { wait: 'delivered' });
      await lost.end();
      expect(lost.messages('@dan')).to.deep.equal([]);
      const tail = await run(['tail', '--json', '-u', 'dan', '--home', `${folder.path}/dev-2`]);
      expect(tail.code, tail.stderr).to.equal(6);
      expect(tail.stdout).to.equal('');
    });

    it('both devices of one account get each message once, in one order', async () => {
      const [one, two, left, right] = [rpc, laptop, phone, rpc];
      await arrive(one, 'tam');
      await two.call('login', { account: 'tam', password });
      await arrive(left, 'lars');
      await arrive(right, 'rosa');
      const sends = Array.from({ length: 120 }, (_, index) =>
        index % 2 === 0
          ? send(left, 'lars', '@tam', `l ${index}`)
          : send(right, 'rosa', '@tam', `r ${index}`),
      );
      const results = await Promise.all(sends);
      await send(left, 'lars', '@tam', 'marker');
      for (const at of [one, two]) await at.event(message('@tam', 'marker'));
      const [first, second] = [one, two].map((at) => ids(at.messages('@tam')));
      expect(first).to.deep.equal(second);
      expect(new Set(first).size).to.equal(121);
      expect(first).to.have.length(121);
      for (const parity of [0, 1]) {
        const own = ids(results.filter((_, index) => index % 2 === parity));
        expect(
          first!.filter((id) => own.includes(id)),
          'what one sender sends keeps its order',
        ).to.deep.equal(own);
      }
      for (const peer of ['@lars', '@rosa']) {
        const query = { account: 'tam', conversation: peer, limit: 1000 };
        expect(ids(await one.call('history', query))).to.deep.equal(
          ids(await two.call('history', query)),
        );
      }
    });

    describe('what one device sends', () => {
      let seen: any[];

      before(async () => {
        const one = open('own-1');
        await arrive(one, 'oda');
        await arrive(rpc, 'orm');
        await laptop.call('login', { account: 'oda', password });
        await send(one, 'oda', '@orm', 'a question', { wait: 'delivered' });
        await send(rpc, 'orm', '@oda', 'an answer', { wait: 'delivered' });
        await laptop.event(message('@oda', 'an answer'));
        await send(laptop, 'oda', '@orm', 'thanks', { wait: 'delivered' });
        await one.end();
        await send(rpc, 'orm', '@oda', 'marker');
        await laptop.event(message('@oda', 'marker'));
        seen = await laptop.call('history', { account: 'oda', conversation: '@orm' });
      });

      it('is in the history of the other', () => {
        expect(texts(seen)).to.have.members(['a question', 'an answer', 'thanks', 'marker']);
        expect(seen.find(({ text }) => text === 'a question').from).to.equal('@oda');
      });

      it('stands before its answer there, too: oldest first', () => {
        expect(texts(seen)).to.deep.equal(['a question', 'an answer', 'thanks', 'marker']);
      });
    });

    it('notes to oneself: once in the history of each device, never unread', async () => {
      const [one, two] = [rpc, laptop];
      await arrive(one, 'ida');
      await two.call('login', { account: 'ida', password });
      const sent = await send(one, 'ida', '@ida', 'note to self');
      expect(sent).to.include({ conversation: '@ida', seq: 1 });
      await two.event(message('@ida', 'note to self'));
      await send(two, 'ida', '@ida', 'note from the other device', { wait: 'delivered' });
      await one.event(message('@ida', 'note from the other device'));
      for (const at of [one, two]) {
        const history = await at.call('history', { account: 'ida', conversation: '@ida' });
        expect(texts(history)).to.deep.equal(['note to self', 'note from the other device']);
        expect(history.map(({ from }: { from: string }) => from)).to.deep.equal(['@ida', '@ida']);
        expect((await at.call('conversations', { account: 'ida' }))[0].unread).to.equal(0);
      }
    });
  });

  describe('one id, one message', () => {
    it('also when asked at once, and to each target its own', async () => {
      const at = rpc;
      await arrive(at, 'ian', 'ilo', 'ike');
      const results = await Promise.all(
        Array.from({ length: 5 }, () => send(at, 'ian', '@ilo', 'only once', { id: 'same' })),
      );
      for (const result of results)
        expect([result.id, result.seq, result.timestamp]).to.deep.equal([
          'same',
          results[0].seq,
          results[0].timestamp,
        ]);
      await send(at, 'ian', '@ike', 'to another', { id: 'same' });
      await send(at, 'ilo', '@ian', 'the other way', { id: 'same', wait: 'delivered' });
      await send(at, 'ian', '@ilo', 'marker', { wait: 'delivered' });
      expect(texts(at.messages('@ilo'))).to.deep.equal(['only once', 'marker']);
      expect(texts(at.messages('@ike'))).to.deep.equal(['to another']);
      const query = { account: 'ian', conversation: '@ilo' };
      expect(texts(await at.call('history', query))).to.have.members([
        'only once',
        'the other way',
        'marker',
      ]);
      await at.call('markRead', { ...query, id: 'same' });
      const [conversation] = (await at.call('conversations', { account: 'ian' })).filter(
        (each: { conversation: string }) => each.conversation === '@ilo',
      );
      expect(conversation.unread, 'theirs is marked, not mine').to.equal(0);
      for (const id of ['', 'x'.repeat(10_000), 'with\nnewline'])
        expect(
          (await at.refusal('send', { account: 'ian', to: '@ilo', text: 'x', id })).code,
        ).to.match(/E_USAGE|-32602/);
    });

    it('across kill -9 and restart: nothing twice, nothing out of order', async () => {
      await arrive(rpc, 'lin');
      const first = open('killed-sender');
      await arrive(first, 'leo');
      const all = Array.from({ length: 150 }, (_, index) => `mid ${index}`);
      const answered: any[] = [];
      const sends = all.map(async (text, index) => {
        answered[index] = await send(first, 'leo', '@lin', text, { id: `mid-${index}` });
      });
      const settled = Promise.allSettled(sends);
      await Promise.race(sends);
      await first.kill('SIGKILL');
      await settled;
      const next = open('killed-sender');
      await next.call('login', { account: 'leo', password });
      const again = await send(next, 'leo', '@lin', all[0]!, { id: 'mid-0' });
      expect([again.id, again.seq, again.timestamp]).to.deep.equal([
        'mid-0',
        answered[0].seq,
        answered[0].timestamp,
      ]);
      expect(
        (await next.refusal('send', { account: 'leo', to: '@lin', text: 'else', id: 'mid-0' }))
          .code,
      ).to.equal('E_USAGE');
      await send(next, 'leo', '@lin', 'marker', { wait: 'delivered' });
      await rpc.event(message('@lin', 'marker'));
      const shown = texts(rpc.messages('@lin'));
      expect(shown.pop()).to.equal('marker');
      expect(shown, 'once, in order').to.deep.equal(all.filter((text) => shown.includes(text)));
      for (const index of Object.keys(answered)) expect(shown).to.include(all[Number(index)]);
    });

    it('nothing twice, nothing missing, when a receiver is killed in the middle', async () => {
      await arrive(rpc, 'mia');
      const first = open('killed-receiver');
      await arrive(first, 'moe');
      const all = Array.from({ length: 150 }, (_, index) => `in ${index}`);
      const sends = all.map((text) => send(rpc, 'mia', '@moe', text));
      await first.event(({ type }) => type === 'message');
      await first.kill('SIGKILL');
      await Promise.all(sends);
      const next = open('killed-receiver');
      await next.call('login', { account: 'moe', password });
      await send(rpc, 'mia', '@moe', 'marker');
      await next.event(message('@moe', 'marker'));
      const query = { account: 'moe', conversation: '@mia', limit: 1000 };
      expect(texts(await next.call('history', query))).to.deep.equal([...all, 'marker']);
      const told = [...first.messages('@moe'), ...next.messages('@moe')];
      expect(new Set(ids(told)).size, 'no event twice').to.equal(told.length);
    });

    it('across two devices of the account, and one that comes later', async () => {
      const [one, two, receiver] = [rpc, laptop, phone];
      await arrive(receiver, 'kit');
      await arrive(one, 'ken');
      await two.call('login', { account: 'ken', password });
      const sent = await send(one, 'ken', '@kit', 'the same', { id: 'job-18' });
      const again = await send(two, 'ken', '@kit', 'the same', { id: 'job-18' });
      expect(again.id).to.equal(sent.id);
      const later = open('ids-d');
      await later.call('login', { account: 'ken', password });
      const third = await send(later, 'ken', '@kit', 'the same', { id: 'job-18' });
      expect(third.id).to.equal(sent.id);
      const other = { account: 'ken', to: '@kit', text: 'not the same', id: 'job-18' };
      const refused = await two.refusal('send', other).catch((error: Error) => error.message);
      const race = { account: 'ken', to: '@kit', text: 'at once', id: 'job-19' };
      const raced = await Promise.all([one.call('send', race), two.call('send', race)]);
      expect(ids(raced)).to.deep.equal(['job-19', 'job-19']);
      for (const [at, text] of [
        [one, 'marker 1'],
        [two, 'marker 2'],
        [later, 'marker 3'],
      ] as const) {
        await send(at, 'ken', '@kit', text);
        await receiver.event(message('@kit', text));
      }
      expect(texts(receiver.messages('@kit'))).to.deep.equal([
        'the same',
        'at once',
        'marker 1',
        'marker 2',
        'marker 3',
      ]);
      expect(refused).to.include({ code: 'E_USAGE' });
    });
  });

  describe('text', () => {
    it('survives byte for byte: unicode, controls, NUL, line ends of every kind', async () => {
      const at = rpc;
      await arrive(at, 'tia', 'tom');
      const samples = [
        ' leading and trailing \t',
        'line\nline\r\nline\rline\u2028line\u2029line\u0085end',
        'NUL \u0000 inside, \u0000',
        Array.from({ length: 32 }, (_, index) => String.fromCharCode(index)).join(''),
        Array.from({ length: 33 }, (_, index) => String.fromCharCode(0x7f + index)).join(''),
        '\ufeffbyte order mark first',
        '👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 e\u0301 \u00e9 \ufb01 ｆｕｌｌ ｗｉｄｔｈ',
        'שלום \u202eevil\u202c مرحبا \u200f\u2066x\u2069',
        '\u001b]52;c;aGk=\u0007\u001b[2J',
        '\ufffe\uffff \u{10ffff} \u{1f98a}',
        '{"jsonrpc":"2.0","id":1,"method":"logout"}',
        '\\u0041 \\n %s ${x} <b>&amp;</b>',
        'z\u0335\u0321\u0328'.repeat(200),
      ];
      for (const text of samples) await send(at, 'tia', '@tom', text, { wait: 'delivered' });
      expect(texts(at.messages('@tom'))).to.deep.equal(samples);
      for (const [account, conversation] of [
        ['tom', '@tia'],
        ['tia', '@tom'],
      ])
        expect(texts(await at.call('history', { account, conversation }))).to.deep.equal(samples);
    });

    it('half a surrogate pair is refused or survives, and breaks nothing', async () => {
      const at = rpc;
      await arrive(at, 'sia', 'sue2');
      const half = 'half \ud83e end';
      const outcome = await send(at, 'sia', '@sue2', half).catch((error: unknown) => error);
      await send(at, 'sia', '@sue2', 'marker', { wait: 'delivered' });
      const shown = texts(at.messages('@sue2'));
      if (outcome instanceof RpcFailure) expect(shown).to.deep.equal(['marker']);
      else expect(shown).to.deep.equal([half, 'marker']);
    });

    it('an empty one is refused; one space is a text', async () => {
      expect((await rpc.refusal('send', { account: 'ann', to: '@ben', text: '' })).code).to.match(
        /E_USAGE|-32602/,
      );
      await send(rpc, 'ann', '@ben', ' ', { wait: 'delivered' });
      await rpc.event(message('@ben', ' '));
    });

    it('is bounded in bytes: 64 KiB of four-byte characters and not one more', async () => {
      const full = '🦊'.repeat(16 * 1024);
      await send(rpc, 'ann', '@cat', full, { wait: 'delivered' });
      await rpc.event(message('@cat', full));
      for (const text of [`${full}x`, '🦊'.repeat(16 * 1024 + 1), 'é'.repeat(32 * 1024 + 1)])
        expect((await rpc.refusal('send', { account: 'ann', to: '@cat', text })).code).to.equal(
          'E_TOO_LARGE',
        );
    });
  });

  describe('the line', () => {
    it('keeps the order of 1,000 sends written in one go', async () => {
      const at = rpc;
      await arrive(at, 'gil', 'gus');
      const all = Array.from({ length: 1000 }, (_, index) => `in line ${index}`);
      const results = await Promise.all(all.map((text) => send(at, 'gil', '@gus', text)));
      await at.eventCount(1000, ({ type, account }) => type === 'message' && account === '@gus');
      expect(texts(at.messages('@gus'))).to.deep.equal(all);
      expect(results.map(({ seq }) => seq)).to.deep.equal(all.map((_, index) => index + 1));
      expect(results.every(({ state }) => ['stored', 'delivered'].includes(state))).to.equal(true);
    });

    it('answers under the id that a request came with, and every malformed line once', async () => {
      const malformed: [string | Buffer, number[]][] = [
        ['{', [-32700]],
        ['nonsense', [-32700]],
        ['{"jsonrpc":"2.0","id":1,"method":"login"', [-32700]],
        ['null', [-32600]],
        ['"text"', [-32600]],
        ['[]', [-32600]],
        ['{}', [-32600]],
        ['{"jsonrpc":"2.0","id":2}', [-32600]],
        ['{"jsonrpc":"2.0","id":3,"method":7}', [-32600]],
        ['{"jsonrpc":"2.0","id":{},"method":"conversations"}', [-32600, -32602]],
        ['{"jsonrpc":"2.0","id":4,"method":"conversations","params":"x"}', [-32600, -32602]],
        ['{"jsonrpc":"2.0","id":5,"method":"conversations","params":[]}', [-32602, -32600]],
        ['{"jsonrpc":"2.0","id":6,"method":"conversations"}', [-32602]],
        ['{"jsonrpc":"2.0","id":7,"method":"__proto__","params":{}}', [-32601]],
        ['{"jsonrpc":"2.0","id":8,"method":"constructor","params":{}}', [-32601]],
        ['{"jsonrpc":"2.0","id":9,"method":"toString","params":{}}', [-32601]],
        [request(10, 'send', { account: 'ann', to: '@ben' }), [-32602]],
        [request(11, 'send', { account: 'ann', to: '@ben', text: 7 }), [-32602]],
        [request(12, 'send', { account: 'ann', to: ['@ben'], text: 'x' }), [-32602]],
        [request(13, 'send', { account: null, to: '@ben', text: 'x' }), [-32602]],
        [request(14, 'send', { account: 'ann', to: '@ben', text: 'x', wait: 'soon' }), [-32602]],
        [request(15, 'login', { account: 'ann', password: { toString: 1 } }), [-32602]],
        [request(16, 'revokeDevice', { account: 'ann', device: 'x' }), [-32602]],
        ['['.repeat(50_000), [-32700, -32600]],
        [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), [-32700, -32600]],
      ];
      const long = 'long '.repeat(50);
      const newline = Buffer.from('\n');
      const input = Buffer.concat([
        ...malformed.flatMap(([line]) => [
          typeof line === 'string' ? Buffer.from(line) : line,
          newline,
        ]),
        Buffer.from('\n  \n\r\n'),
        Buffer.from(`${request('crlf', 'noSuchMethod', {})}\r\n`),
        Buffer.from(`${request(0, 'noSuchMethod', {})}\n`),
        Buffer.from(`${request(-7, 'register', { account: 'ann', password })}\n`),
        Buffer.from(`${request(long, 'login', { account: 'nobody-here', password })}\n`),
        Buffer.from(request('last', 'register', { account: 'mal', password })),
      ]);
      const { code, answers, stderr } = await pipe('malformed', input);
      expect(code, stderr).to.equal(0);
      const byId = new Map(answers.map((answer) => [answer.id, answer]));
      expect(byId.get('last')?.result?.account, 'a last line without a line end').to.equal('@mal');
      expect(byId.get('crlf')?.error?.code).to.equal(-32601);
      expect(byId.get(0)?.error?.code).to.equal(-32601);
      expect(byId.get(-7)?.error?.data.code).to.equal('E_NAME_TAKEN');
      expect(byId.get(long)?.error?.data.code).to.equal('E_AUTH');
      for (const answer of answers) {
        expect(answer.jsonrpc).to.equal('2.0');
        expect('result' in answer).to.not.equal('error' in answer);
      }
      for (const [line, codes] of malformed) {
        const id = /"id":(\d+)/.exec(String(line))?.[1];
        if (id !== undefined && !String(line).endsWith('"login"'))
          expect(byId.get(Number(id))?.error?.code, String(line)).to.be.oneOf(codes);
      }
      for (const { error } of answers.filter(({ id }) => id === null))
        expect(error.code).to.be.oneOf([-32700, -32600]);
      expect(answers, 'one answer for each line that is not blank').to.have.length(
        malformed.length + 5,
      );
    });

    it('refuses a line of 2 MiB and goes on', async () => {
      const { code, answers, stderr } = await pipe(
        'huge',
        [
          'x'.repeat(2 * 1024 * 1024),
          request('big', 'send', {
            account: 'hal',
            to: '@ann',
            text: 'y'.repeat(2 * 1024 * 1024),
          }),
          request('after', 'register', { account: 'hal', password }),
          '',
        ].join('\n'),
      );
      expect(code, stderr).to.equal(0);
      expect(answers).to.have.length(3);
      expect(answers.filter(({ error }) => error !== undefined)).to.have.length(2);
      expect(answers.find(({ id }) => id === 'after')?.result?.account).to.equal('@hal');
    });

    it('a notification does what it says and gets no answer', async () => {
      const at = rpc;
      await arrive(at, 'nan', 'noa');
      const answered = at.answers.length;
      at.raw(
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'send',
          params: { account: 'nan', to: '@noa', text: 'no answer wanted' },
        }),
      );
      at.raw('{"jsonrpc":"2.0","method":"noSuchMethod"}');
      await at.event(message('@noa', 'no answer wanted'));
      await at.call('conversations', { account: 'nan' });
      expect(at.answers).to.have.length(answered + 1);
    });

    it('answers everything that was asked before stdin ended, then exits 0', async () => {
      const at = open('eof');
      await arrive(at, 'eva');
      const asked = Array.from({ length: 200 }, (_, index) =>
        send(at, 'eva', '@ann', `before the end ${index}`),
      );
      const [code, results] = await Promise.all([at.end(), Promise.all(asked)]);
      expect(code).to.equal(0);
      expect(results.every(({ state }) => state !== 'queued')).to.equal(true);
      await rpc.event(message('@ann', 'before the end 199'));
    });
  });

  describe('a node that dies', () => {
    it('is told: disconnected, then connected elsewhere, nothing lost', async () => {
      const at = laptop;
      let account = '';
      for (let index = 0; account === ''; index += 1) {
        expect(index, 'somebody lands on n2').to.be.below(20);
        await at.call('register', { account: `survivor${index}`, password });
        const placed = await at.call('login', { account: `survivor${index}`, password });
        if (placed.node === 'n2') account = `survivor${index}`;
      }
      at.events.length = 0;
      const state = (connected: boolean) => (event: RpcEvent) =>
        event.type === 'state' &&
        event.account === `@${account}` &&
        event['connected'] === connected;
      const killed = cluster.kill(1, 'SIGKILL');
      await at.event(state(false));
      await killed;
      expect(await at.event(state(true))).to.include({ node: 'n1' });
      await cluster.restart(1);
      await send(rpc, 'ann', `@${account}`, 'after the kill');
      await at.event(message(`@${account}`, 'after the kill'));
    });
  });
});
