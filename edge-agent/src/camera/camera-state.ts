/** How a camera does, for the site and the counter. */
import type { CameraFault } from './faults.ts';

export interface CameraState {
  connected: boolean;
  /** Access units read since the session began. */
  units: number;
  /** Since the process began. */
  bytes: number;
  /** Since the process began. */
  connects: number;
  /** Why it is not connected; or what its owner should know of it while it is. */
  fault: CameraFault | undefined;
}
