import { expect } from 'chai';
import fc from 'fast-check';
import { groupEventLine } from '../../../src/cli/group-event-line.ts';
import { textWidth } from '../../../src/cli/text-layout.ts';
import type { GroupEvent } from '../../../src/client/group-api.ts';
import { parseGroupId, parseUserId } from '../../../src/protocol/ids.ts';

describe('a line about a group', () => {
  const [ada, ben, you] = ['ada', 'ben', 'you-there'].map(parseUserId) as [never, never, never];
  const event = (fields: Partial<GroupEvent>): GroupEvent => ({
    type: 'group',
    group: parseGroupId('#ops'),
    change: 'left',
    user: ada,
    by: ada,
    epoch: 2,
    ...fields,
  });
  const before = { title: 'Ops', topic: 'old' };

  const table: ReadonlyArray<readonly [Partial<GroupEvent>, string]> = [
    [{ change: 'created', members: [ben, you] }, '@ada created #ops with @ben, you'],
    [{ change: 'created', by: you, user: you, members: [] }, 'you created #ops'],
    [{ change: 'added', user: you, role: 'observer' }, '@ada added you to #ops as an observer'],
    [{ change: 'added', user: ben, role: 'member' }, '@ada added @ben to #ops'],
    [{ change: 'removed', user: ben, by: you }, 'you removed @ben from #ops'],
    [{ change: 'left' }, '@ada left #ops'],
    [{ change: 'promoted', user: ben, role: 'admin' }, '@ada promoted @ben to admin in #ops'],
    [{ change: 'demoted', user: you, role: 'observer' }, '@ada demoted you to observer in #ops'],
    [{ change: 'transferred', user: ben }, '@ada transferred #ops to @ben'],
    [{ change: 'renamed', title: 'New', topic: 'old' }, '@ada renamed #ops to "New"'],
    [{ change: 'renamed', title: '', topic: 'old' }, '@ada removed the title of #ops'],
    [{ change: 'renamed', title: 'Ops', topic: 'x' }, '@ada set the topic of #ops to "x"'],
    [{ change: 'renamed', title: 'Ops', topic: '' }, '@ada removed the topic of #ops'],
    [{ change: 'deleted' }, '@ada deleted #ops'],
  ];
  for (const [fields, line] of table)
    it(line, () => {
      expect(groupEventLine(event(fields), you, before)).to.equal(line);
    });

  it('tells title and topic where nobody knows what they were', () => {
    const line = groupEventLine(event({ change: 'renamed', title: 'A', topic: 'B' }), you);
    expect(line).to.equal('@ada renamed #ops to "A" and set the topic of #ops to "B"');
  });

  it('counts many members instead of naming them', () => {
    const members = Array.from({ length: 40 }, (_, index) => parseUserId(`u${index}`));
    const line = groupEventLine(event({ change: 'created', members }), you);
    expect(line).to.equal('@ada created #ops with 40 others');
  });

  it('stays one short line without control characters, whatever the title is', () => {
    const hostile = fc
      .array(fc.constantFrom('\u0000', '\u001b', '\u0007', '\u009b', '\u202e', '\u2066', '\n', 'a'))
      .map((points) => points.join(''));
    const anything = fc
      .array(fc.nat(0x10_ffff), { maxLength: 200 })
      .map((points) => String.fromCodePoint(...points));
    fc.assert(
      fc.property(fc.oneof(hostile, anything), (title) => {
        const line = groupEventLine(event({ change: 'renamed', title, topic: '' }), you);
        // oxlint-disable-next-line no-control-regex -- that is what must not be there
        expect(line).to.not.match(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028]/);
        expect(textWidth(line)).to.be.at.most(100);
      }),
    );
  });
});
