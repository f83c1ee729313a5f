/** What the cluster needs of the mesh, no more, so that tests can hand in a small one. */
import type { Mesh } from '../net/mesh.ts';

export type MeshPort = Pick<
  Mesh,
  'self' | 'serve' | 'request' | 'requestAsync' | 'tell' | 'connect' | 'forget' | 'onPeer'
>;
