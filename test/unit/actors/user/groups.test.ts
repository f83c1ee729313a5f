import { expect } from 'chai';
import type { Membership } from '../../../../src/protocol/group-facts.ts';
import { parseGroupId, parseIncarnation } from '../../../../src/protocol/ids.ts';
import { GROUPS_PER_USER_MAX } from '../../../../src/protocol/limits.ts';
import { INCARNATION, Stepper, answers, of, one, pushes } from './fixtures.ts';

const team = parseGroupId('#team');
const again = parseIncarnation('f'.repeat(32));

const told = (fields: Partial<Membership> = {}) =>
  ({
    type: 'membership',
    group: team,
    incarnation: INCARNATION,
    position: 1,
    role: 'member',
    ...fields,
  }) as const;

function groupsOf(user: Stepper): unknown {
  const [answer] = answers([...user.ask({ type: 'groups' }), ...user.flush()]);
  return (answer as { readonly groups: unknown }).groups;
}

describe('user: groups', () => {
  it('confirms a membership and tells the sessions once it is flushed (I2)', () => {
    const user = Stepper.registered();
    user.attach(one, 1);
    const asked = user.ask(told());
    expect([...answers(asked), ...pushes(asked)]).to.deep.equal([]);
    const released = user.flush();
    expect(answers(released)).to.deep.equal([{}]);
    expect(pushes(released)).to.deep.equal([[1, told()]]);
    const { type: _, ...membership } = told();
    expect(groupsOf(user)).to.deep.equal([membership]);
  });

  it('is told twice and acts once; an older operation changes nothing', () => {
    const user = Stepper.registered();
    user.ask(told({ position: 3, role: 'admin' }));
    user.flush();
    for (const position of [1, 2, 3]) {
      const effects = user.ask(told({ position }));
      expect(of(effects, 'commit'), `position ${position}`).to.deep.equal([]);
      expect(answers(effects)).to.deep.equal([{}]);
    }
    expect(groupsOf(user)).to.have.nested.property('[0].role', 'admin');
  });

  it('answers a repetition only with the commit under way', () => {
    const user = Stepper.registered();
    user.ask(told());
    expect(answers(user.ask(told()))).to.deep.equal([]);
    expect(answers(user.flush())).to.deep.equal([{}, {}]);
  });

  it('remembers a membership that ended, for devices that were away', () => {
    const user = Stepper.registered();
    user.ask(told());
    user.ask(told({ position: 2, role: undefined }));
    user.flush();
    expect(groupsOf(user)).to.deep.include.members([
      { group: team, incarnation: INCARNATION, position: 2, role: undefined },
    ]);
  });

  it('lets another life of the name take the place of the one before', () => {
    const user = Stepper.registered();
    user.ask(told({ position: 9, role: undefined }));
    user.ask(told({ position: 9 }));
    user.ask(told({ incarnation: again, position: 1 }));
    user.flush();
    expect(groupsOf(user)).to.have.lengthOf(1);
    expect(groupsOf(user)).to.have.nested.property('[0].incarnation', again);
  });

  it('remembers a membership that ended before it was heard of: the device has something to read', () => {
    const user = Stepper.registered();
    user.ask(told({ position: 2, role: undefined }));
    user.flush();
    expect(groupsOf(user)).to.deep.equal([
      { group: team, incarnation: INCARNATION, position: 2, role: undefined },
    ]);
  });

  it('knows no groups of an address that nobody registered', () => {
    expect(answers(new Stepper().ask(told()))).to.deep.equal(['E_NO_SUCH_USER']);
  });

  it('forgets at the bound what has ended first, and takes no more in when nothing has', () => {
    const user = Stepper.registered();
    for (let number = 1; number <= GROUPS_PER_USER_MAX; number += 1)
      user.ask(told({ group: parseGroupId(`#g${number}`) }));
    user.flush();
    expect(answers(user.ask(told()))).to.deep.equal(['E_TOO_LARGE']);
    user.ask(told({ group: parseGroupId('#g5'), position: 2, role: undefined }));
    const [commit] = of(user.ask(told()), 'commit');
    expect(commit?.writes.map(({ type }) => type)).to.deep.equal(['removeGroup', 'group']);
    expect(user.state.groups.size).to.equal(GROUPS_PER_USER_MAX);
    expect(user.state.groups.has(parseGroupId('#g5'))).to.equal(false);
  });
});
