import { expect } from 'chai';
import { Turns } from '../../../src/client/turns.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';

describe('turns', () => {
  /** Work that ends when it is told to. */
  function task(log: string[], name: string) {
    let end: (error?: Error) => void = () => undefined;
    const done = new Promise<string>((resolve, reject) => {
      end = (error) => (error === undefined ? resolve(name) : reject(error));
    });
    const work = (): Promise<string> => {
      log.push(name);
      return done;
    };
    return { work, end: (error?: Error) => end(error) };
  }
  const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

  it('come in the order in which they were asked for, one at a time, each line for itself', async () => {
    const turns = new Turns<string>(9);
    const log: string[] = [];
    const [a, b, c] = [task(log, 'a'), task(log, 'b'), task(log, 'c')];
    const ends = [turns.take('one', a.work), turns.take('one', b.work), turns.take('two', c.work)];
    await settled();
    expect(log).to.deep.equal(['a', 'c']);
    a.end();
    await settled();
    expect(log).to.deep.equal(['a', 'c', 'b']);
    b.end();
    c.end();
    expect(await Promise.all(ends)).to.deep.equal(['a', 'b', 'c']);
  });

  it('come although the one before has failed', async () => {
    const turns = new Turns<string>(9);
    const log: string[] = [];
    const [a, b] = [task(log, 'a'), task(log, 'b')];
    const first = turns.take('one', a.work);
    const second = turns.take('one', b.work);
    a.end(new Error('no'));
    b.end();
    expect(await first.catch((error: Error) => error.message)).to.equal('no');
    expect(await second).to.equal('b');
  });

  it('are refused past the bound, until somebody has had one', async () => {
    const turns = new Turns<string>(2);
    const log: string[] = [];
    const [a, b] = [task(log, 'a'), task(log, 'b')];
    const ends = [turns.take('one', a.work), turns.take('one', b.work)];
    const refused = await turns.take('one', a.work).catch((error: FastChatError) => error);
    expect(refused).to.be.instanceOf(FastChatError).and.to.include({ code: 'E_RATE_LIMITED' });
    a.end();
    await ends[0];
    await settled();
    const third = turns.take('one', task(log, 'c').work);
    b.end();
    await ends[1];
    await settled();
    expect(log).to.deep.equal(['a', 'b', 'c']);
    third.catch(() => undefined);
  });
});
