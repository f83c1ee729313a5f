import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodeJournalRecord,
  encodeJournalRecord,
  journalEpoch,
} from '../../../src/persist/journal-record.ts';

const bytes = fc.uint8Array({ maxLength: 20 });

describe('journal records', () => {
  it('decode to what was encoded', () => {
    const touched = fc.array(fc.record({ key: bytes, old: fc.option(bytes, { nil: undefined }) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.nat(), touched, (epoch, entries) => {
        const record = encodeJournalRecord(
          epoch,
          entries.map(({ key }) => ({ key, value: undefined })),
          entries.map(({ old }) => old),
        );
        const decoded = decodeJournalRecord(Uint8Array.from(record));
        expect(journalEpoch(record)).to.equal(epoch);
        expect(decoded.epoch).to.equal(epoch);
        const plain = decoded.old.map(({ key, value }) => ({
          key: Uint8Array.from(key),
          old: value === undefined ? undefined : Uint8Array.from(value),
        }));
        expect(plain).to.deep.equal(entries);
      }),
    );
  });
});
