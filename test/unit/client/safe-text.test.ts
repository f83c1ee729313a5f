import { expect } from 'chai';
import fc from 'fast-check';
import { safe, safeLine } from '../../../src/protocol/safe-text.ts';

const CONTROL = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
/** Marks and joiners that reorder or hide; U+200D and U+FE0F are judged by what they follow. */
const HIDDEN =
  /[\u00AD\u061C\u180E\u200B\u200C\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\u115F\u1160\u3164\uFFA0\u2800\u{E0000}-\u{E0FFF}]/u;

/** Text in which trouble is likely. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '\u001b]52;c;',
        '\u009b2J',
        '\r\n',
        '\t',
        '\u202e',
        '\u200d',
        '\ufe0f',
        '\u200b',
      ),
      fc.constantFrom(
        '👩',
        '👍🏽',
        '❤️',
        'e\u0301',
        '\u0301\u0301\u0301\u0301\u0301\u0301',
        '\ud800',
        '가',
        'ᄀ',
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('safe text', () => {
  it('lets no control, bidirectional or invisible code point through, and changes nothing the second time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = safe(text);
        expect(CONTROL.test(shown.replaceAll('\n', ''))).to.equal(false);
        expect(HIDDEN.test(shown)).to.equal(false);
        expect(safe(shown)).to.equal(shown);
        expect(/\p{M}{6,}/u.test(shown)).to.equal(false);
      }),
      { numRuns: 20_000 },
    );
  });

  it('leaves what people write as it is', () => {
    for (const text of [
      'plain text, with punctuation!',
      'two\nlines',
      'Grüße aus Zürich',
      'привет',
      'שלום',
      'مرحبا',
      'नमस्ते',
      '你好',
      '👍🏽 👩‍👩‍👧‍👦 ❤️',
    ])
      expect(safe(text)).to.equal(text.normalize('NFC'));
  });

  it('replaces what a terminal would obey', () => {
    expect(safe('\u001b[31mred\u0007')).to.equal('\uFFFD[31mred\uFFFD');
    expect(safe('a\r\nb\tc\rd')).to.equal('a\nb    c\uFFFDd');
    expect(safe('user\u202Etxt.exe')).to.equal('user\uFFFDtxt.exe');
    expect(safe('a\u200Db')).to.equal('a\uFFFDb');
    expect(safe('x\uFE0F')).to.equal('x\uFFFD');
  });

  it('keeps at most four marks on a letter', () => {
    expect(safe(`x${'\u0301'.repeat(50)}y`)).to.equal(`x${'\u0301'.repeat(4)}y`);
  });

  it('makes one line of what belongs on one', () => {
    expect(safeLine('a\r\nb\nc')).to.equal('a b c');
  });
});
