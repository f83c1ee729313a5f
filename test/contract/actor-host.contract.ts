/** What every ActorHost guarantees; see `logic.ts` for A1 to A3. */
import { expect } from 'chai';
import type { ActorHost } from '../../src/actors/runtime/actor-host.ts';
import type { ActorBehaviour, ActorInstance, ActorSelf } from '../../src/actors/runtime/logic.ts';
import { FastChatError } from '../../src/protocol/errors.ts';
import {
  ACTOR_CRASHES_MAX,
  ACTOR_CRASH_WINDOW_MS,
  ACTOR_IDLE_MS,
  ACTOR_MAILBOX_MESSAGES_MAX,
  ACTOR_TURN_MESSAGES_MAX,
} from '../../src/protocol/limits.ts';

/** A host on a clock that the suite drives. */
export interface HostUnderTest {
  readonly host: ActorHost;
  /** Lets everything that can happen now happen. */
  settle(): Promise<void>;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
}

type Probe =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'crash' }
  | { readonly type: 'crashAtEnd' }
  | { readonly type: 'nest' }
  | { readonly type: 'nestAndCrash' }
  | { readonly type: 'fact'; readonly text: string }
  | { readonly type: 'later'; readonly text: string }
  | { readonly type: 'end' };

const gone = new FastChatError('E_MOVED', 'the shard moved');
const note = (text: string): Probe => ({ type: 'note', text });

/** Records what its actors go through. */
class Recorder {
  readonly seen: string[] = [];
  /** What was seen in each turn. */
  readonly turns: string[][] = [];
  readonly refused: string[] = [];
  overlaps = 0;
  isIdle = true;
  activations = 0;
  crashesAtEnd = false;
  activationError: FastChatError | undefined;
  /** Activation, saving wait for these when set. */
  activationGate: Promise<void> | undefined;
  savingGate: Promise<void> | undefined;
  readonly selves: Array<ActorSelf<Probe>> = [];
  #inside = 0;

  readonly behaviourOf = (): ActorBehaviour<Probe> => ({
    activate: async (self) => {
      this.activations += 1;
      this.selves.push(self);
      await this.activationGate;
      if (this.activationError !== undefined) throw this.activationError;
      return this.#instance(self);
    },
    refuse: (message, error) => {
      this.refused.push(`${message.type === 'note' ? message.text : message.type}:${error.code}`);
    },
  });

  #instance(self: ActorSelf<Probe>): ActorInstance<Probe> {
    return {
      handle: (message) => this.#handle(self, message),
      endTurn: () => this.#endTurn(),
      isIdle: () => this.isIdle,
      passivate: async () => {
        this.seen.push('save');
        await this.savingGate;
      },
      stopped: (error) => {
        this.seen.push(`stopped:${error.code}`);
      },
    };
  }

  #endTurn(): void {
    const crashes = this.crashesAtEnd;
    this.crashesAtEnd = false;
    this.turns.push(this.seen.slice(this.turns.flat().length));
    if (crashes) throw new Error('a bug');
  }

  #handle(self: ActorSelf<Probe>, message: Probe): void {
    this.#inside += 1;
    if (this.#inside > 1) this.overlaps += 1;
    try {
      this.#act(self, message);
    } finally {
      this.#inside -= 1;
    }
  }

  #act(self: ActorSelf<Probe>, message: Probe): void {
    if (message.type === 'crash') throw new Error('a bug');
    if (message.type === 'nestAndCrash') {
      self.tell({ type: 'fact', text: 'of a life that crashed' });
      throw new Error('a bug');
    }
    if (message.type === 'crashAtEnd') this.crashesAtEnd = true;
    else if (message.type === 'end') self.end(gone);
    else if (message.type === 'nest') self.tell({ type: 'fact', text: 'nested' });
    else if (message.type === 'later')
      void Promise.resolve().then(() => self.tell({ type: 'fact', text: message.text }));
    else this.seen.push(message.text);
  }
}

export function actorHostContract(name: string, make: () => HostUnderTest): void {
  describe(`actor host: ${name}`, () => {
    let under: HostUnderTest;
    let host: ActorHost;
    let recorder: Recorder;
    beforeEach(() => {
      under = make();
      host = under.host;
      recorder = new Recorder();
    });
    afterEach(async () => {
      await host.stopAll(gone);
    });

    describe('order', () => {
      it('A1: handles messages in the order they were told, those told during activation first', async () => {
        const family = host.family(recorder.behaviourOf);
        const texts = Array.from({ length: 100 }, (_, index) => `m${index}`);
        for (const text of texts.slice(0, 50)) family.tell('@alice', note(text));
        await under.settle();
        for (const text of texts.slice(50)) family.tell('@alice', note(text));
        await under.settle();
        expect(recorder.seen).to.deep.equal(texts);
        expect(recorder.activations).to.equal(1);
      });

      it('A1: never handles two messages of one actor at once, whatever it tells itself', async () => {
        const family = host.family(recorder.behaviourOf);
        for (let index = 0; index < 10; index += 1) family.tell('@alice', { type: 'nest' });
        await under.settle();
        expect(recorder.overlaps).to.equal(0);
        expect(recorder.seen).to.have.lengthOf(10);
      });

      it('says when the messages of a turn are handled, at the latest after ACTOR_TURN_MESSAGES_MAX', async () => {
        const family = host.family(recorder.behaviourOf);
        const texts = Array.from(
          { length: ACTOR_TURN_MESSAGES_MAX + 3 },
          (_, index) => `m${index}`,
        );
        for (const text of texts) family.tell('@alice', note(text));
        await under.settle();
        expect(recorder.turns).to.deep.equal([
          texts.slice(0, ACTOR_TURN_MESSAGES_MAX),
          texts.slice(ACTOR_TURN_MESSAGES_MAX),
        ]);
      });

      it('keeps actors with awkward names apart', async () => {
        const ids = ['@a.b', '@a', '#a', 'session:n1/7', '@__proto__', '@constructor', 'ü /\\ "'];
        const family = host.family((id) => ({
          ...recorder.behaviourOf(),
          activate: async (self) => {
            const inner = await recorder.behaviourOf().activate(self);
            return { ...inner, handle: () => recorder.seen.push(id) };
          },
        }));
        for (const id of ids) family.tell(id, note('x'));
        await under.settle();
        expect([...recorder.seen].sort()).to.deep.equal([...ids].sort());
        expect(host.counters().live).to.equal(ids.length);
      });
    });

    describe('bounds', () => {
      it('A2: refuses with E_RATE_LIMITED at the mailbox bound and tells so to the teller', async () => {
        let open: () => void = () => undefined;
        recorder.activationGate = new Promise((resolve) => {
          open = resolve;
        });
        const family = host.family(recorder.behaviourOf);
        for (let index = 0; index < ACTOR_MAILBOX_MESSAGES_MAX; index += 1)
          expect(family.tell('@alice', note('in'))).to.equal(true);
        expect(family.tell('@alice', note('out'))).to.equal(false);
        expect(recorder.refused).to.deep.equal(['out:E_RATE_LIMITED']);
        expect(host.counters()).to.include({
          mailboxDepth: ACTOR_MAILBOX_MESSAGES_MAX,
          deadLetters: 1,
        });
        open();
        await under.settle();
        expect(recorder.seen).to.have.lengthOf(ACTOR_MAILBOX_MESSAGES_MAX);
        expect(host.counters().mailboxDepth).to.equal(0);
      });
    });

    describe('crash', () => {
      it('A2: loses only the message that made it throw; the rest is handled by the next life', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('before'));
        family.tell('@alice', { type: 'crash' });
        family.tell('@alice', note('after'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['before', 'stopped:E_INTERNAL', 'after']);
        expect(host.counters()).to.include({ crashes: 1, activations: 2 });
      });

      it('rests after too many crashes, refusing meanwhile, and lives again afterwards', async () => {
        const family = host.family(recorder.behaviourOf);
        for (let count = 0; count < ACTOR_CRASHES_MAX; count += 1) {
          family.tell('@alice', { type: 'crash' });
          await under.settle();
        }
        expect(family.tell('@alice', note('resting'))).to.equal(false);
        expect(recorder.refused).to.deep.equal(['resting:E_INTERNAL']);
        expect(host.counters().live).to.equal(0);
        await under.advance(ACTOR_CRASH_WINDOW_MS);
        expect(family.tell('@alice', note('rested'))).to.equal(true);
        await under.settle();
        expect(recorder.seen.at(-1)).to.equal('rested');
      });

      it('does not rest when crashes are far apart', async () => {
        const family = host.family(recorder.behaviourOf);
        for (let count = 0; count < ACTOR_CRASHES_MAX + 1; count += 1) {
          family.tell('@alice', { type: 'crash' });
          await under.settle();
          await under.advance(ACTOR_CRASH_WINDOW_MS);
        }
        expect(family.tell('@alice', note('well'))).to.equal(true);
      });

      it('ends a life that throws at the end of a turn, too', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', { type: 'crashAtEnd' });
        await under.settle();
        family.tell('@alice', note('next life'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['stopped:E_INTERNAL', 'next life']);
        expect(host.counters()).to.include({ crashes: 1, activations: 2 });
      });

      it('A3: does not carry facts over to the next life', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', { type: 'nestAndCrash' });
        family.tell('@alice', note('next life'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['stopped:E_INTERNAL', 'next life']);
        expect(host.counters()).to.include({ deadLetters: 1, mailboxDepth: 0 });
      });

      it('A3: ignores and counts facts of a life that is over', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('first life'));
        await under.settle();
        family.tell('@alice', { type: 'crash' });
        family.tell('@alice', note('second life'));
        await under.settle();
        const { deadLetters } = host.counters();
        recorder.selves[0]?.tell({ type: 'fact', text: 'too late' });
        await under.settle();
        expect(recorder.seen).to.not.include('too late');
        expect(host.counters().deadLetters).to.equal(deadLetters + 1);
      });
    });

    describe('activation', () => {
      it('A2: refuses what waits with the error of a failed activation, and tries again on the next message', async () => {
        recorder.activationError = gone;
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('one'));
        family.tell('@alice', note('two'));
        await under.settle();
        expect(recorder.refused).to.deep.equal(['one:E_MOVED', 'two:E_MOVED']);
        expect(host.counters()).to.include({ live: 0, crashes: 0 });
        recorder.activationError = undefined;
        family.tell('@alice', note('three'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['three']);
      });

      it('begins a new life for what is queued when an actor ends itself', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', { type: 'end' });
        family.tell('@alice', note('next life'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['stopped:E_MOVED', 'next life']);
        expect(host.counters()).to.include({ crashes: 0, activations: 2 });
      });
    });

    describe('passivation', () => {
      it('saves and ends an actor that is idle, and activates it again on the next message', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('one'));
        await under.advance(2 * ACTOR_IDLE_MS);
        expect(recorder.seen).to.deep.equal(['one', 'save', 'stopped:E_INTERNAL']);
        expect(host.counters()).to.include({ live: 0, passivations: 1 });
        family.tell('@alice', note('two'));
        await under.settle();
        expect(recorder.seen.at(-1)).to.equal('two');
      });

      it('leaves an actor alone that says it is not idle, or that is talked to', async () => {
        const family = host.family(recorder.behaviourOf);
        recorder.isIdle = false;
        family.tell('@alice', note('busy'));
        await under.advance(2 * ACTOR_IDLE_MS);
        recorder.isIdle = true;
        for (let count = 0; count < 8; count += 1) {
          family.tell('@alice', note('hello'));
          await under.advance(ACTOR_IDLE_MS / 2);
        }
        expect(host.counters()).to.include({ live: 1, passivations: 0 });
      });

      it('A2: handles messages told while it was being saved, in the same life', async () => {
        let saved: () => void = () => undefined;
        recorder.savingGate = new Promise((resolve) => {
          saved = resolve;
        });
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('one'));
        await under.advance(2 * ACTOR_IDLE_MS);
        family.tell('@alice', note('meanwhile'));
        recorder.selves[0]?.tell({ type: 'fact', text: 'fact' });
        await under.settle();
        expect(recorder.seen).to.deep.equal(['one', 'save', 'fact']);
        saved();
        await under.settle();
        expect(recorder.seen).to.deep.equal(['one', 'save', 'fact', 'meanwhile']);
        expect(host.counters()).to.include({ live: 1, passivations: 0, activations: 1 });
      });
    });

    describe('stop', () => {
      it('A2: saves, ends the actor, and refuses what is queued with the reason', async () => {
        const family = host.family(recorder.behaviourOf);
        family.tell('@alice', note('handled'));
        await under.settle();
        family.tell('@alice', note('queued'));
        await host.stop('@alice', gone);
        expect(recorder.seen).to.deep.equal(['handled', 'save', 'stopped:E_MOVED']);
        expect(recorder.refused).to.deep.equal(['queued:E_MOVED']);
        expect(host.counters()).to.include({ live: 0, mailboxDepth: 0 });
      });

      it('stops an actor that is still being activated', async () => {
        let open: () => void = () => undefined;
        recorder.activationGate = new Promise((resolve) => {
          open = resolve;
        });
        host.family(recorder.behaviourOf).tell('@alice', note('early'));
        await host.stop('@alice', gone);
        open();
        await under.settle();
        expect(recorder.refused).to.deep.equal(['early:E_MOVED']);
        expect(recorder.seen).to.deep.equal(['stopped:E_MOVED']);
      });

      it('stops those that match and leaves the others', async () => {
        const family = host.family(recorder.behaviourOf);
        for (const id of ['@alice', '@bob', '@carol']) family.tell(id, note(id));
        await under.settle();
        await host.stopWhere((id) => id !== '@bob', gone);
        expect(host.counters().live).to.equal(1);
        family.tell('@bob', note('still here'));
        await under.settle();
        expect(recorder.seen.at(-1)).to.equal('still here');
      });

      it('refuses everything after stopAll', async () => {
        const family = host.family(recorder.behaviourOf);
        await host.stopAll(gone);
        expect(family.tell('@alice', note('late'))).to.equal(false);
        expect(recorder.refused).to.deep.equal(['late:E_MOVED']);
        expect(() => host.spawn('late', recorder.behaviourOf())).to.throw(FastChatError);
      });
    });

    describe('spawned actors', () => {
      it('live until they end; afterwards they refuse', async () => {
        const session = host.spawn('session:1', recorder.behaviourOf());
        session.tell(note('one'));
        await under.advance(3 * ACTOR_IDLE_MS);
        expect(recorder.seen).to.deep.equal(['one']);
        session.tell({ type: 'end' });
        session.tell(note('queued behind the end'));
        await under.settle();
        expect(session.tell(note('after the end'))).to.equal(false);
        expect(recorder.refused).to.deep.equal([
          'queued behind the end:E_MOVED',
          'after the end:E_MOVED',
        ]);
        expect(host.counters().live).to.equal(0);
      });

      it('do not come back after a crash', async () => {
        const session = host.spawn('session:1', recorder.behaviourOf());
        session.tell({ type: 'crash' });
        session.tell(note('queued'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['stopped:E_INTERNAL']);
        expect(recorder.refused).to.deep.equal(['queued:E_INTERNAL']);
        expect(session.tell(note('late'))).to.equal(false);
      });

      it('have ids of their own: a second one with the same id is refused until the first has ended', async () => {
        const first = host.spawn('session:1', recorder.behaviourOf());
        expect(() => host.spawn('session:1', recorder.behaviourOf())).to.throw(FastChatError);
        await first.stop(gone);
        const second = host.spawn('session:1', recorder.behaviourOf());
        await first.stop(gone);
        expect(second.tell(note('alive'))).to.equal(true);
        await under.settle();
        expect(recorder.seen.at(-1)).to.equal('alive');
      });

      it('hear facts before messages from outside', async () => {
        const session = host.spawn('session:1', recorder.behaviourOf());
        session.tell({ type: 'nest' });
        session.tell(note('outside'));
        await under.settle();
        expect(recorder.seen).to.deep.equal(['nested', 'outside']);
      });

      it('hear what their own promises tell them', async () => {
        const session = host.spawn('session:1', recorder.behaviourOf());
        session.tell({ type: 'later', text: 'promised' });
        await under.settle();
        expect(recorder.seen).to.deep.equal(['promised']);
      });
    });
  });
}
