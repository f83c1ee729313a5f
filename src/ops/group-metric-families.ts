/** The metrics of groups; `metric-families.ts` puts them together with the rest. */

export const GROUP_FAMILIES = {
  groupEntries: {
    kind: 'counter',
    name: 'group_entries_total',
    help: 'Entries of groups owned here that were handed to the nodes with interested sessions',
  },
  groupFrames: {
    kind: 'counter',
    name: 'group_frames_total',
    help: 'Mesh frames sent with entries of groups: one to each other interested node',
  },
  groupCopies: {
    kind: 'counter',
    name: 'group_copies_total',
    help: 'Entries of groups in mesh frames sent, each once per other interested node',
  },
  groupFramesLost: {
    kind: 'counter',
    name: 'group_frames_lost_total',
    help: 'Mesh frames of groups that could not be sent: members there pull later',
  },
} as const;
