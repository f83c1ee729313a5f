import { expect } from 'chai';
import { TerminalScreen } from '../../../src/cli/chat/terminal-screen.ts';
import type { ChatEnd } from '../../../src/cli/chat/screen.ts';
import { rowsBelow, shortened, textWidth, wrapWords } from '../../../src/cli/text-layout.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { capturedIo } from '../../support/captured-io.ts';
import type { CapturedIo } from '../../support/captured-io.ts';
import { MiniTerminal } from './mini-terminal.ts';

describe('text layout', () => {
  it('counts columns, not letters', () => {
    expect(textWidth('漢字 ok é')).to.equal(9);
    expect(textWidth('ｱ👍')).to.equal(3);
    expect(shortened('漢字漢字', 5)).to.equal('漢字…');
  });

  it('breaks at spaces and cuts only what is too long for a line', () => {
    expect(wrapWords('one two three', 8)).to.deep.equal(['one two', 'three']);
    expect(wrapWords('a  b', 80)).to.deep.equal(['a  b']);
    expect(wrapWords('0123456789 x', 4)).to.deep.equal(['0123', '4567', '89 x']);
    for (const line of wrapWords('漢字 漢字漢字漢字 x', 5)) expect(textWidth(line)).to.be.below(6);
  });

  it('knows how many rows a line reaches down', () => {
    expect(rowsBelow('12345678', 8)).to.equal(1);
    expect(rowsBelow('1234567', 8)).to.equal(0);
    // A wide letter does not fit the last column.
    expect(rowsBelow('1234567漢', 8)).to.equal(1);
    expect(rowsBelow('x'.repeat(500), Infinity)).to.equal(0);
  });
});

describe('TerminalScreen', () => {
  const columns = 20;
  let io: CapturedIo;
  let clock: VirtualClock;
  let terminal: MiniTerminal;
  let screen: TerminalScreen;
  let ended: Promise<ChatEnd>;
  let taken: Array<readonly string[]>;
  let resume: () => void;
  let rawModes: boolean[];
  let output: string;

  beforeEach(() => {
    clock = new VirtualClock();
    io = capturedIo({ isTTY: true, columns, clock });
    rawModes = [];
    Object.assign(io.stdin, { setRawMode: (isRaw: boolean) => rawModes.push(isRaw) });
    terminal = new MiniTerminal(columns);
    output = '';
    // At once, so that a test sees what a person would at that moment.
    const write = (text: string): boolean => {
      output += text;
      terminal.write(text);
      return true;
    };
    Object.assign(io.stdout, { write });
    taken = [];
    const none = { off: () => undefined };
    const onResume = (listener: () => void): typeof none => {
      resume = listener;
      return none;
    };
    screen = new TerminalScreen(io, { onResume, onExit: () => none }, false);
    screen.setPrompt('> ');
    ended = screen.run({
      lines: (lines) => void taken.push(lines),
      complete: () => [[], ''],
    });
  });
  afterEach(async () => {
    screen.end('done');
    await ended;
  });

  const key = (keys: string): void => void io.stdin.emit('data', Buffer.from(keys));

  for (const [what, typed] of [
    ['one row', 'short'],
    ['two rows', 'x'.repeat(30)],
    ['exactly two rows', 'x'.repeat(38)],
    ['three rows', 'y'.repeat(50)],
    ['wide letters', `${'漢'.repeat(17)}abc`],
  ] as const)
    it(`keeps what arrives while ${what} of input are typed`, () => {
      key(typed);
      screen.print(['first']);
      screen.print(['second']);
      key('!');
      screen.print(['third']);
      const shown = terminal.lines.filter((line) => line !== '');
      expect(shown.slice(0, 3)).to.deep.equal(['first', 'second', 'third']);
      expect(shown.slice(3).join('')).to.equal(`> ${typed}!`);
    });

  it('takes the echo of a line off the screen, however many rows it has', async () => {
    screen.print(['before']);
    key(`${'漢字 '.repeat(12)}\r`);
    await clock.advance(0);
    expect(taken).to.deep.equal([['漢字 '.repeat(12)]]);
    screen.print(['after']);
    expect(terminal.lines.filter((line) => line !== '')).to.deep.equal(['before', 'after', '>']);
  });

  it('hands over a bracketed paste whole, with its last line', async () => {
    key('typed ');
    key('\u001b[200~one\rtwo\r\rfour\rfive\u001b[201~');
    await clock.advance(0);
    expect(taken).to.deep.equal([['typed one', 'two', '', 'four', 'five']]);
    key('x\r');
    await clock.advance(0);
    expect(taken.at(-1)).to.deep.equal(['x']);
  });

  it('takes a short paste as if it were typed: its last line stays in the input', async () => {
    key('\u001b[200~one\rtwo\u001b[201~');
    expect(taken).to.deep.equal([['one']]);
    key('!\r');
    await clock.advance(0);
    expect(taken.at(-1)).to.deep.equal(['two!']);
  });

  it('recognises a paste by its speed where pastes are not bracketed', async () => {
    key('1\r2\r3\r4\r5');
    await clock.advance(1000);
    expect(taken).to.deep.equal([['1', '2', '3', '4', '5']]);
  });

  it('brackets pastes while it runs and no longer', async () => {
    expect(output).to.contain('\u001b[?2004h');
    screen.end('done');
    await ended;
    expect(output.endsWith('\u001b[?2004l')).to.equal(true);
  });

  it('leaves no prompt behind', async () => {
    screen.print(['bye']);
    key('half a line');
    screen.end('done');
    await ended;
    expect(terminal.lines.filter((line) => line !== '')).to.deep.equal(['bye']);
  });

  it('clears at Ctrl+C, and leaves at a second one soon after unless something is typed', async () => {
    key('secret');
    key('\u0003');
    expect(terminal.lines.join('\n')).to.not.contain('secret');
    key('x\u007f');
    key('\u0003');
    await clock.advance(3000);
    key('\u0003');
    let how: ChatEnd | undefined;
    void ended.then((end) => (how = end));
    await Promise.resolve();
    expect(how).to.equal(undefined);
    key('\u0003');
    expect(await ended).to.equal('interrupted');
  });

  it('takes the terminal back when the process goes on', () => {
    key('half');
    const before = output.length;
    rawModes.length = 0;
    resume();
    expect(rawModes).to.deep.equal([false, true]);
    expect(output.slice(before)).to.contain('\u001b[?2004h').and.to.contain('> half');
  });

  it('marks errors and notices differently, and breaks them at words', () => {
    screen.notice('a notice of many words');
    screen.alert('an error');
    const shown = terminal.lines.filter((line) => line !== '');
    expect(shown).to.deep.equal(['-- a notice of many', '   words', '!! an error', '>']);
  });
});
