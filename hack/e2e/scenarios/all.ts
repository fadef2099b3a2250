/** Every scenario, in the order in which they begin. */
import type { Scenario } from '../scenario.ts';
import { deadPath, fileSource, hevc, missingSecret, unreachable, wrongPassword } from './camera-troubles.ts';
import { certificateReplaced } from './certificates.ts';
import { countersFull, gpuPool, noCounter } from './counter-pool.ts';
import { agentKilled, counterKilled } from './crashes.ts';
import { leastRights } from './least-rights.ts';
import { countersDrained, nodeLost, noNode, siteDrained } from './nodes.ts';
import { nothingLeft } from './nothing-left.ts';
import { onePass } from './one-stream.ts';
import { leaderKilled, operatorAway } from './operator-away.ts';
import { randomKills } from './random-kills.ts';
import { freshInstall, namespaced, reinstalled, upgraded } from './releases.ts';
import { secretCanary } from './secret-canary.ts';
import { tenStreams } from './ten-streams.ts';

export const scenarios: readonly Scenario[] = [
  onePass,
  unreachable,
  wrongPassword,
  missingSecret,
  deadPath,
  fileSource,
  hevc,
  tenStreams,
  nothingLeft,
  operatorAway,
  leaderKilled,
  noNode,
  siteDrained,
  countersDrained,
  nodeLost,
  counterKilled,
  agentKilled,
  noCounter,
  countersFull,
  gpuPool,
  freshInstall,
  upgraded,
  reinstalled,
  namespaced,
  certificateReplaced,
  secretCanary,
  randomKills,
  // Last, because it reads the calls of all others.
  leastRights,
];
